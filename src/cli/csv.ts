import { LapidaryError, quoted } from '../errors/index.ts';

/**
 * One line of comma-separated values as docker's flags have it: a field that begins with a quote runs to the closing
 * one and may hold commas; `""` in it is a quote.
 *
 * Source: Go's encoding/csv, `Reader` with its defaults.
 *
 * @throws LapidaryError USAGE
 */
export function parseCsv(text: string, flag: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  do {
    const match = pattern.exec(text);
    if (match === null) {
      throw new LapidaryError('USAGE', `${flag} has a stray quote: ${quoted(text)}`, {
        hint: 'quote a whole field, such as "dest=a,b", and double the quotes in it',
      });
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  } while (pattern.lastIndex <= text.length);
  return fields;
}
