/** One challenge of a `WWW-Authenticate` header. */
export type Challenge = {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
};

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const MAX_LENGTH = 16 * 1024;

/**
 * The challenges of a header, several of which may have been joined. What is malformed is left out: a registry that
 * writes one bad challenge may have a good one too.
 *
 * Source: RFC 9110, section 11.6.1. Values without quotes may hold what tokens may not, as registries write URLs so.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = (header ?? '').slice(0, MAX_LENGTH);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  while (at < text.length) {
    if (/[\s,]/.test(text[at] ?? '')) {
      at += 1;
      continue;
    }
    const parameter = match(PARAMETER, text, at);
    const current = challenges.at(-1);
    if (parameter && current) {
      const [all, name = '', quoted, plain = ''] = parameter;
      const value = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
      const key = name.toLowerCase();
      if (!current.parameters.has(key)) current.parameters.set(key, value);
      at += all.length;
      continue;
    }
    const scheme = match(TOKEN, text, at)?.[0];
    if (scheme === undefined) {
      at = nextComma(text, at);
      continue;
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    at += scheme.length;
    at += skipToken68(text, at);
  }
  return challenges;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The form of credentials that `Negotiate` uses; read over. */
function skipToken68(text: string, at: number): number {
  const space = /^[ \t]+/.exec(text.slice(at, at + 64))?.[0].length ?? 0;
  if (space === 0 || match(PARAMETER, text, at + space)) return 0;
  const token = match(TOKEN68, text, at + space)?.[0];
  // A scheme without parameters that another one follows: `Basic, Bearer realm=…`
  return token === undefined ? 0 : space + token.length;
}

function nextComma(text: string, at: number): number {
  const comma = text.indexOf(',', at);
  return comma < 0 ? text.length : comma + 1;
}
