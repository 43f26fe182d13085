import { inspect, styleText } from 'node:util';
import { EXIT, LapidaryError, messageOf, printable } from '../errors/index.ts';
import type { Io } from './io.ts';
import { packageVersion } from './version.ts';

const MAX_CAUSES = 8;

/**
 * Tells what was thrown on standard error: errors of the user with their code frame, bugs with their stack, an
 * interruption in one word. Causes follow with `verbose`.
 *
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  { io, verbose }: { readonly io: Io; readonly verbose: boolean },
): number {
  const { first, later } = unwrap(error);
  const say = (text: string): void => void io.stderr.write(`${text}\n`);
  if (io.signal.aborted) {
    say('interrupted');
    if (verbose) say(causes(first, 1));
    return EXIT.interrupted;
  }
  if (!(first instanceof LapidaryError)) {
    say(printable(first instanceof Error ? (first.stack ?? first.message) : inspect(first)));
    say(
      `this is a bug in lapidary ${packageVersion()} (Node ${process.version}): please report it with these lines`,
    );
    return EXIT.bug;
  }
  say(colour(first.render(), io));
  if (verbose && first.cause !== undefined) say(causes(first.cause, 1));
  for (const one of later) say(`while cleaning up: ${printable(messageOf(one))}`);
  return first.code === 'USAGE' ? EXIT.usage : EXIT.failed;
}

/** The original failure comes first: `await using` buries it in the errors of the cleaning up. */
function unwrap(error: unknown): { readonly first: unknown; readonly later: readonly unknown[] } {
  const later: unknown[] = [];
  let first = error;
  while (first instanceof SuppressedError) {
    later.unshift(first.error);
    first = first.suppressed;
  }
  return { first, later };
}

function causes(error: unknown, depth: number): string {
  const line = `${'  '.repeat(depth)}caused by: ${printable(messageOf(error))}`;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined || depth >= MAX_CAUSES ? line : `${line}\n${causes(cause, depth + 1)}`;
}

function colour(text: string, { stderr, env }: Io): string {
  if (stderr.isTTY !== true || env['NO_COLOR'] || env['TERM'] === 'dumb') return text;
  return text.replace(/^error\[[A-Z_]+\]:/gm, (head) =>
    styleText(['red', 'bold'], head, { validateStream: false }),
  );
}
