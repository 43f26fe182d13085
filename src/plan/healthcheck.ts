import type { InstructionOf, Word } from '../dockerfile/index.ts';
import { quoted, SourceError } from '../errors/index.ts';
import { formatGoDuration, type Healthcheck, parseGoDuration } from '../oci/index.ts';
import { goQuoteList, goQuoteRune } from './go-format.ts';
import type { StageState } from './stage-state.ts';

const MILLISECOND = 1_000_000;

/** HEALTHCHECK. Its options are no place for variables. Returns the history line. */
export function applyHealthcheck(state: StageState, instruction: InstructionOf<'healthcheck'>): string {
  const check = healthcheckOf(state, instruction);
  state.config.Healthcheck = check;
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const durations = times.map((time) => `"${formatGoDuration(time ?? 0)}"`).join(' ');
  return `HEALTHCHECK &{${goQuoteList(check.Test)} ${durations} ${goQuoteRune(check.Retries ?? 0)}}`;
}

/** Times in nanoseconds. A zero means the default, like an option that is not there. */
function healthcheckOf(state: StageState, instruction: InstructionOf<'healthcheck'>): Healthcheck {
  const { command } = instruction;
  if (command === undefined) return { Test: ['NONE'] };
  const duration = (word: Word | undefined, flag: string): number =>
    word === undefined ? 0 : parseDuration(state, word, flag);
  const parts = {
    Interval: duration(instruction.interval, '--interval'),
    Timeout: duration(instruction.timeout, '--timeout'),
    StartPeriod: duration(instruction.startPeriod, '--start-period'),
    StartInterval: duration(instruction.startInterval, '--start-interval'),
    Retries: instruction.retries === undefined ? 0 : parseRetries(state, instruction.retries),
  };
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== 0));
  const test = command.form === 'exec' ? ['CMD', ...command.argv] : ['CMD-SHELL', command.line];
  return { Test: test, ...given };
}

function parseDuration(state: StageState, { text, span }: Word, flag: string): number {
  const fail = (expected: string): SourceError =>
    new SourceError('DOCKERFILE_BAD_FLAG', `${flag} cannot be ${quoted(text)}`, state.at(span), {
      hint: expected,
    });
  let ns: number;
  try {
    ns = parseGoDuration(text);
  } catch {
    throw fail('expected a duration such as 30s, 1m30s or 500ms');
  }
  if (ns !== 0 && ns < MILLISECOND) throw fail('expected at least 1ms');
  return ns;
}

function parseRetries(state: StageState, { text, span }: Word): number {
  const count = Number(text);
  if (/^\+?\d+$/.test(text) && count < 2 ** 31) return count;
  throw new SourceError('DOCKERFILE_BAD_FLAG', `--retries cannot be ${quoted(text)}`, state.at(span), {
    hint: 'expected a whole number, 0 or more',
  });
}
