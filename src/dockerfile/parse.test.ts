import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { formatDockerfile } from './format.ts';
import { parseDockerfile } from './parse.ts';
import type { Dockerfile } from './types.ts';

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
    expect(cases.length).toBeGreaterThanOrEqual(60);
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

  test('of a megabyte is parsed in bounded time', () => {
    const long = `FROM scratch\nRUN ${'a \\\n'.repeat(250_000)}b\n`;
    expect(parseDockerfile({ name: 'Dockerfile', text: long }).stages).toHaveLength(1);
    expect(outcome('<<'.repeat(500_000)).file).toBe('error.txt');
  });
});
