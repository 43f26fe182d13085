import { type ErrorDetails, quoted, suggest } from '../../errors/index.ts';

/** Which rules hold: `# check=skip=A,B;error=true;experimental=all`. */
export type CheckSettings = {
  readonly skip: 'all' | ReadonlySet<string>;
  readonly experimental: 'all' | ReadonlySet<string>;
  /** Findings make the build fail. */
  readonly error: boolean;
};

/**
 * Reads the value of the directive or of BUILDKIT_DOCKERFILE_CHECK. Whatever is wrong with it is given to `fail`.
 * Source: BuildKit, linter.go; Go's strconv.ParseBool.
 */
export function parseCheckSettings(
  text: string,
  fail: (message: string, details: ErrorDetails) => Error,
): CheckSettings {
  const found = new Map<string, string>();
  for (const part of text.trim() === '' ? [] : text.split(';')) {
    const [, key = '', value] = /^\s*([^=]*?)\s*(?:=(.*))?$/s.exec(part) ?? [];
    if (value === undefined || !KEYS.includes(key)) {
      const near = suggest(key.slice(0, 40), KEYS);
      const hint = near === undefined ? `expected ${KEYS.join('=, ')}=` : `did you mean ${near}=?`;
      throw fail(`check has no option ${quoted(part.trim())}`, { hint });
    }
    found.set(key, value.trim());
  }
  return {
    skip: namesOf(found.get('skip')),
    experimental: namesOf(found.get('experimental')),
    error: parseFlag(found.get('error') ?? 'false', fail),
  };
}

const KEYS = ['skip', 'error', 'experimental'];

const namesOf = (value = ''): 'all' | ReadonlySet<string> =>
  value === 'all' ? 'all' : new Set(value.split(',').map((name) => name.trim()));

function parseFlag(text: string, fail: (message: string, details: ErrorDetails) => Error): boolean {
  if (/^(?:1|t|true|True|TRUE|T)$/.test(text)) return true;
  if (/^(?:0|f|false|False|FALSE|F)$/.test(text)) return false;
  throw fail(`check cannot have error=${quoted(text)}`, { hint: 'expected true or false' });
}
