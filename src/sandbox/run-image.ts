import { isatty } from 'node:tty';
import { LapidaryError } from '../errors/index.ts';
import type { Platform } from '../oci/index.ts';
import type { RunRequest } from '../solve/index.ts';
import { askEmulation } from './ask-emulation.ts';
import { DEFAULT_SEARCH_PATH, requireInit } from './programs.ts';
import type { RunOrder, VolumeMount } from './protocol.ts';
import { checkRequest, openRunDirectory, removeRunDirectory } from './runtime.ts';
import { type SandboxOptions, SandboxProcess } from './sandbox-process.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;

/** A process to run in the foreground, on an image whose changes are thrown away. */
export type RunImageRequest = SandboxOptions & {
  /** The image's layers, base first. */
  readonly layers: RunRequest['layers'];
  /** What its programs are made for; default: this machine. */
  readonly platform?: Platform;
  readonly process: Pick<RunRequest, 'argv' | 'env' | 'cwd' | 'user' | 'hostname'>;
  /** Absolute paths: `source` on the host, `target` inside. */
  readonly volumes: readonly VolumeMount[];
  /** Puts a small init process of this machine before the command, which reaps and passes signals on. */
  readonly init: boolean;
  /** Gives the command a terminal. Standard input must be one. */
  readonly tty: boolean;
};

/**
 * Runs it with this process's standard streams and network, and answers with its exit code (128 + n when signal n
 * killed it). While it runs, signals that ask this process to end go to the command instead; a second SIGINT kills it.
 * Aborting kills the command and rejects with `signal.reason`.
 * @throws LapidaryError USAGE, PERMISSION, RUNTIME_MISSING, SANDBOX_FAILED, STORE_CORRUPT, STORE_FAILED
 */
export async function runImage(request: RunImageRequest, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  checkRequest(request.process);
  if (request.tty && !isatty(0)) {
    const hint = 'leave out --tty, or run it from a terminal';
    throw new LapidaryError('USAGE', 'a terminal was asked for, but standard input is not one', { hint });
  }
  const init = request.init ? { init: requireInit(request.searchPath ?? DEFAULT_SEARCH_PATH) } : {};
  await using sandbox = await SandboxProcess.open(request, 'inherit');
  const { type } = await askEmulation(sandbox, request.platform, request);
  const directory = await openRunDirectory(request.paths);
  try {
    const order = { ...orderOf(request, { directory, ...init }), emulated: type === 'own' };
    return await runIn(sandbox, order, signal);
  } finally {
    await removeRunDirectory(directory);
  }
}

function orderOf(
  request: RunImageRequest,
  { directory, init }: { readonly directory: string; readonly init?: string },
): RunOrder {
  const { volumes, tty } = request;
  return {
    ...request.process,
    layers: request.layers,
    network: 'host',
    files: [],
    directory,
    mode: { type: 'foreground', terminal: tty, volumes, ...(init === undefined ? {} : { init }) },
  };
}

async function runIn(sandbox: SandboxProcess, order: RunOrder, signal: AbortSignal): Promise<number> {
  const { number, outcome } = sandbox.run(order, () => undefined);
  const kill = (): void => sandbox.send(number, { type: 'abort' });
  let interrupts = 0;
  const forward = (name: NodeJS.Signals): void => {
    if (name === 'SIGINT') interrupts += 1;
    sandbox.send(number, { type: 'signal', signal: interrupts > 1 ? 'SIGKILL' : name });
  };
  for (const name of FORWARDED) process.on(name, forward);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const report = await outcome;
    signal.throwIfAborted();
    if (report.type !== 'exited') throw new Error(`the sandbox answered a run with ${report.type}`);
    return report.exitCode;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    for (const name of FORWARDED) process.off(name, forward);
  }
}
