import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMsOf } from '../../test/support/cpu-time.ts';
import { LapidaryError, SourceErrors } from '../errors/index.ts';
import { formatDockerfile } from './format.ts';
import { parseDockerfile } from './parse.ts';
import type { Dockerfile, Word } from './types.ts';

const root = new URL('../../test/fixtures/dockerfile/', import.meta.url);
const cases = readdirSync(root);
const read = (name: string, file: string): string => readFileSync(new URL(`${name}/${file}`, root), 'utf8');

/** What a parse came to, as it stands in `ast.json` or `error.txt`; spans as the text they cover. */
function outcome(text: string): { readonly file: 'ast.json' | 'error.txt'; readonly content: string } {
  try {
    return {
      file: 'ast.json',
      content: `${JSON.stringify(readable(parseDockerfile({ name: 'Dockerfile', text })), null, 1)}\n`,
    };
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return { file: 'error.txt', content: `${error.render()}\n` };
  }
}

/** The error of a parse; one that is no LapidaryError goes through. */
function errorOf(text: string): LapidaryError | undefined {
  try {
    parseDockerfile({ name: 'Dockerfile', text });
    return undefined;
  } catch (error) {
    if (error instanceof LapidaryError) return error;
    throw error;
  }
}

function readable({ source, ...rest }: Dockerfile): unknown {
  return JSON.parse(
    JSON.stringify(rest, (key, value: unknown) => {
      if (key !== 'span') return value;
      const { start, end } = value as { start: number; end: number };
      return source.text.slice(start, end);
    }),
  );
}

describe('the corpus', () => {
  test('is read', () => {
    expect(cases.length).toBeGreaterThanOrEqual(110);
  });

  test.for(cases)('%s', (name) => {
    const { file, content } = outcome(read(name, 'Dockerfile'));
    // UPDATE_FIXTURES=1 writes what is expected anew; look at the difference before you commit it
    if (process.env['UPDATE_FIXTURES'] === '1') writeFileSync(new URL(`${name}/${file}`, root), content);
    expect(existsSync(new URL(`${name}/${file}`, root))).toBe(true);
    expect(content).toBe(read(name, file));
  });
});

/** Everything but where it stands. */
function meaning(file: Dockerfile): unknown {
  const { source: _source, warnings: _warnings, ...rest } = file;
  return JSON.parse(
    JSON.stringify(rest, (key, value: unknown) => (key === 'span' || key === 'keyword' ? undefined : value)),
  );
}

describe('printing', () => {
  const good = cases.filter((name) => existsSync(new URL(`${name}/ast.json`, root)));
  test.for(good)('%s parses to the same again', (name) => {
    const file = parseDockerfile({ name: 'Dockerfile', text: read(name, 'Dockerfile') });
    const again = parseDockerfile({ name: 'Dockerfile', text: formatDockerfile(file) });
    expect(meaning(again)).toEqual(meaning(file));
  });
});

describe('hostile text', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'FROM scratch',
      'RUN <<EOF',
      'EOF',
      'COPY --from=',
      'ENV a',
      '# escape=`',
      '\\',
      '"',
      '[',
      'ONBUILD ',
      'RUN \\',
      '<<<<',
      '--',
    ),
    fc.string(),
  );
  test('gives a Dockerfile or errors that render', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const { content } = outcome(lines.join('\n'));
        expect(content.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  test.for<{ name: string; text: string }>([
    { name: 'continuations', text: `FROM scratch\nRUN ${'a \\\n'.repeat(250_000)}b\n` },
    { name: 'here-document marks', text: '<<'.repeat(500_000) },
    { name: 'here-documents', text: `FROM scratch\nRUN ${'<<a '.repeat(200_000)}\n${'a\n'.repeat(200_000)}` },
    { name: 'here-documents that do not end', text: `FROM scratch\n${'RUN <<a\n'.repeat(100_000)}` },
    { name: 'arithmetic that does not end', text: `FROM scratch\nRUN ${'(( '.repeat(300_000)}<<a` },
    { name: 'quotes that do not end', text: `FROM scratch\nRUN ${`<<"a' `.repeat(150_001)}` },
    { name: 'stages', text: Array.from({ length: 60_000 }, (_, i) => `FROM a AS s${i}\n`).join('') },
    { name: 'unknown instructions', text: 'NOPE x\n'.repeat(150_000) },
    { name: 'a long keyword', text: 'N'.repeat(1_000_000) },
    { name: 'a long flag', text: `FROM --${'n'.repeat(1_000_000)}` },
    { name: 'flags', text: `FROM scratch\nRUN ${'--mount=a=b '.repeat(80_000)} x` },
    { name: 'warnings', text: `FROM scratch\n${'MAINTAINER x\n'.repeat(70_000)}` },
    { name: 'pairs', text: `FROM scratch\nENV ${'a=b '.repeat(250_000)}` },
    { name: 'a list', text: `FROM scratch\nCMD [${'"a",'.repeat(250_000)}"b"]` },
    { name: 'a list that does not end', text: `FROM scratch\nCMD [${'"a",'.repeat(250_000)}` },
    { name: 'empty lines', text: `FROM scratch\nRUN \\\n${'\n'.repeat(900_000)}x` },
  ])('$name: a megabyte is parsed in bounded time', ({ text }) => {
    const spent = cpuMsOf(() => expect(errorOf(text)?.render()).not.toBe(''));
    expect(spent).toBeLessThan(3000);
  });

  test('more than 16 Mi characters are refused', () => {
    expect(outcome('#'.repeat(16 * 1024 * 1024 + 1)).content).toContain('more than 16777216 characters');
  });
});

/** Dockerfiles without errors, as people would not write them. */
const goodLines = fc.array(
  fc.constantFrom(
    'RUN a \\\n  b\n',
    'RUN a \\\n# comment\n\n  b && c\n',
    'RUN <<A <<-"B" \\\n cat\n$x\nA\n\t\ty\n\tB\n',
    'RUN --mount=type=cache,target=/x --network=none [ -f x ]\r\n',
    'ENV a=1 \\\n  b="2 \\\n 3" c=\\ d\n',
    'ENV a b   c\n',
    'LA\\\nBEL x="y"\n',
    'ARG a b=c\n',
    'COPY --from=x --exclude=a --exclude="b c" \\\n  a b /c/\n',
    'copy ["a \\u0041", \\\n "b"]\n',
    "ADD --link <<A <<'B C' /x\nA\nb\nB C\n",
    'onbuild ADD <<A /x\n1\nA\n',
    'ONBUILD CMD ["a"]\n',
    'HEALTHCHECK --interval=1s \\\n --retries=2 CMD x\n',
    'HEALTHCHECK NONE\n',
    'SHELL ["a", "-c"]\n',
    'VOLUME /a /b\n',
    'VOLUME ["/a"]\n',
    'EXPOSE 1 2/udp\n',
    'WORKDIR /a b\\\\\n',
    'STOPSIGNAL 9\n',
    'MAINTAINER a b\n',
    '\n',
    '# comment\n',
    'FROM --platform=x a@b\n',
  ),
  { maxLength: 12 },
);
const dockerfile = fc
  .tuple(
    fc.constantFrom('', '# syntax=x\n', '\uFEFF# escape=\\\n'),
    fc.constantFrom('', 'ARG g=1\n'),
    goodLines,
  )
  .map(([head, globals, lines]) => `${head}${globals}FROM scratch AS a\n${lines.join('')}`);

/** Every word below a value. */
function wordsIn(value: unknown): Word[] {
  if (typeof value !== 'object' || value === null) return [];
  const nested = Object.values(value).flatMap(wordsIn);
  return 'text' in value && 'span' in value && !('kind' in value) ? [value as Word, ...nested] : nested;
}

describe('whatever is put together from good lines', () => {
  test('parses to the same again when it is printed', () => {
    fc.assert(
      fc.property(dockerfile, (text) => {
        const file = parseDockerfile({ name: 'Dockerfile', text });
        const printed = formatDockerfile(file);
        const again = parseDockerfile({ name: 'Dockerfile', text: printed });
        expect(meaning(again)).toEqual(meaning(file));
        expect(formatDockerfile(again)).toBe(printed);
      }),
      { numRuns: 500 },
    );
  });

  test('has words that stand where they say', () => {
    fc.assert(
      fc.property(dockerfile, (text) => {
        const {
          source: _source,
          warnings: _warnings,
          ...file
        } = parseDockerfile({ name: 'Dockerfile', text });
        for (const word of wordsIn(file)) {
          const written = text.slice(word.span.start, word.span.end);
          const joined = written.replace(/\\[ \t]*\r?\n(?:[ \t]*(?:#.*)?\r?\n)*/g, '');
          expect([joined, jsonText(joined)]).toContain(word.text);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function jsonText(text: string): string | undefined {
  return /^"[^"]*"$/.test(text) ? (JSON.parse(text) as string) : undefined;
}

test('all errors come in the order of the text, and not without end', () => {
  const error = errorOf(`FROM a AS b\nFROM a AS b\n${'NOPE\n'.repeat(500)}`);
  const starts = error instanceof SourceErrors ? error.errors.map((one) => one.at.span.start) : [];
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  expect(starts).toHaveLength(100);
});
