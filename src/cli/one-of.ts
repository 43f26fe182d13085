import { LapidaryError, quoted, suggest } from '../errors/index.ts';

/** The value of a flag that has a few. @throws LapidaryError USAGE */
export function oneOf<T extends string>(flag: string, text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  const near = suggest(text, values);
  throw new LapidaryError('USAGE', `${flag} cannot be ${quoted(text)}`, {
    hint: near === undefined ? `expected ${values.join(', ')}` : `did you mean ${near}?`,
  });
}
