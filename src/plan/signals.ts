import { suggest } from '../errors/index.ts';

const NAMES =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX';
const REAL_TIME = [
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
];
const SIGNALS: ReadonlySet<string> = new Set([...NAMES.split(' '), ...REAL_TIME]);

/** A name of Linux, with or without SIG and in any case, or a number other than 0. Source: github.com/moby/sys/signal. */
export function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0;
  return SIGNALS.has(text.toUpperCase().replace(/^SIG/, ''));
}

/** The signal a misspelt name most likely meant. */
export function suggestSignal(text: string): string | undefined {
  const near = suggest(text.toUpperCase().replace(/^SIG/, '').slice(0, 40), SIGNALS);
  return near === undefined ? undefined : `SIG${near}`;
}
