import type { BuildRequest } from '../build/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
};

/** `SIZE[,compressed]`: 10MB are 10,000,000 bytes, as sizes are printed. @throws LapidaryError USAGE */
export function readMaxSize(text: string | undefined): Pick<BuildRequest, 'maxSize'> {
  if (text === undefined) return {};
  const [, number = '', unit = '', compressed] =
    /^(\d{1,15}(?:\.\d{1,3})?)([a-z]{0,3})(,compressed)?$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number === '' || factor === undefined) {
    throw new LapidaryError('USAGE', `--max-size is not understood: ${quoted(text)}`, {
      hint: 'expected a size such as 10MB or 9.5MiB, or 4MB,compressed',
    });
  }
  return { maxSize: { bytes: Math.floor(Number(number) * factor), compressed: compressed !== undefined } };
}
