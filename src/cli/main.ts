import { EXIT } from '../errors/index.ts';
import type { CommandLine, Settings } from './dispatch.ts';
import type { Io } from './io.ts';
import { packageVersion } from './version.ts';

/**
 * The command line. `argv` begins after the program's name. Never throws: everything is told on standard error.
 *
 * @returns the exit code, see `EXIT`; that of the container for `run`
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const pipe = new AbortController();
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
    pipe.abort();
  };
  io.stdout.on('error', onError);
  io.stderr.on('error', onError);
  const settings = { verbose: false };
  const withPipe: Io = { ...io, signal: AbortSignal.any([io.signal, pipe.signal]) };
  try {
    return await versionOrCommand(argv, withPipe, settings);
  } catch (error) {
    if (pipe.signal.aborted) return EXIT.failed; // whoever read the output has gone: there is nobody to tell
    const { reportError } = await import('./report-error.ts');
    return reportError(error, { io, verbose: settings.verbose });
  }
}

/** The version is told without loading the rest of the program. */
async function versionOrCommand(argv: readonly string[], io: Io, settings: Settings): Promise<number> {
  const line = splitArgv(argv);
  if (line.name === '--version' || line.name === '-v') {
    io.stdout.write(`lapidary ${packageVersion()}\n`);
    return EXIT.ok;
  }
  const { dispatch } = await import('./dispatch.ts');
  return dispatch(line, io, settings);
}

/** Flags of every command may also stand before its name. */
function splitArgv(argv: readonly string[]): CommandLine {
  let at = 0;
  for (; at < argv.length; at += argv[at] === '--store' ? 2 : 1) {
    if (argv[at] !== '--verbose' && argv[at] !== '--store' && !argv[at]?.startsWith('--store=')) break;
  }
  return { before: argv.slice(0, at), name: argv[at], rest: argv.slice(at + 1) };
}
