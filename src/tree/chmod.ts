import { LapidaryError, quoted } from '../errors/index.ts';

/** A mode for everything, or what becomes of a mode. */
export type Chmod = number | ((mode: number, isDirectory: boolean) => number);

const WHO: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const SHIFT: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
const CLAUSE = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/;

/** Octal (`755`) or symbolic (`u=rwX,go=rX`, `g=u`) as chmod(1) takes it. @throws LapidaryError USAGE */
export function parseChmod(text: string): Chmod {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) return Number.parseInt(text, 8);
  const clauses = text.split(',').map((clause) => CLAUSE.exec(clause));
  if (clauses.includes(null)) {
    throw new LapidaryError('USAGE', `--chmod cannot be ${quoted(text)}`, {
      hint: 'expected octal digits such as 755, or changes such as u=rwX,go=rX',
    });
  }
  const steps = clauses.flatMap((clause) => {
    const who = (clause?.[1] || 'a').split('').reduce((mask, letter) => mask | (WHO[letter] ?? 0), 0);
    return [...(clause?.[2] ?? '').matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(([, sign, letters = '']) => ({
      who,
      sign,
      letters,
    }));
  });
  return (mode, isDirectory) => steps.reduce((now, step) => applyStep(now, step, isDirectory), mode);
}

type Step = { readonly who: number; readonly sign: string | undefined; readonly letters: string };

function applyStep(mode: number, { who, sign, letters }: Step, isDirectory: boolean): number {
  let bits = 0;
  for (const letter of letters) bits |= bitsOf(letter, mode, isDirectory);
  const wanted = bits & who;
  if (sign === '+') return mode | wanted;
  if (sign === '-') return mode & ~wanted;
  // chmod(1): `=` leaves the set-id bits of directories alone unless they are named
  const kept = isDirectory ? mode & 0o6000 : 0;
  return (mode & ~who) | wanted | kept;
}

function bitsOf(letter: string, mode: number, isDirectory: boolean): number {
  switch (letter) {
    case 'r':
      return 0o444;
    case 'w':
      return 0o222;
    case 'x':
      return 0o111;
    case 'X':
      return isDirectory || (mode & 0o111) !== 0 ? 0o111 : 0;
    case 's':
      return 0o6000;
    case 't':
      return 0o1000;
    default:
      // Another class: its three bits, for all
      return ((mode >> (SHIFT[letter] ?? 0)) & 0o7) * 0o111;
  }
}
