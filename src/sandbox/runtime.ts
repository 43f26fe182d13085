import { rmSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { LapidaryError, quoted } from '../errors/index.ts';
import type {
  RequestMount,
  RunIo,
  RunRequest,
  RunResult,
  Runtime,
  StorePaths,
  TrialRuntime,
  Unpacked,
  UnpackRequest,
} from '../solve/index.ts';
import type { Layer, LayerId } from '../tree/index.ts';
import { askEmulation } from './ask-emulation.ts';
import type { OrderMount, RunOrder } from './protocol.ts';
import { type Outcome, type SandboxOptions, SandboxProcess, type Started } from './sandbox-process.ts';
import { errnoOf } from './syscalls.ts';

/** The part of a layer store that a sandbox needs. */
export interface LayerAdopter {
  /**
   * Takes a layer's table (`encodeLayer`) whose contents are in the store already. The file is on the store's
   * filesystem and may be moved; when it stays, its maker removes it.
   */
  adopt(tableFile: string): Promise<Layer>;
  /** The same for a table that nobody needs to look into yet. */
  adoptTable(tableFile: string): Promise<LayerId>;
}

/** Signal numbers of wait(2), for exit codes above 128. */
const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/**
 * A `Runtime` that runs commands under crun or runc, as root, in namespaces of its own. Nothing is started before
 * the first `run`. A command that was killed by a signal is told from its exit code, 128 + n.
 * `run` throws LapidaryError PERMISSION, RUNTIME_MISSING, SANDBOX_FAILED, STORE_CORRUPT, STORE_FAILED.
 */
export function openSandbox(
  options: SandboxOptions & { readonly layers: LayerAdopter },
): Runtime & TrialRuntime {
  return new SandboxRuntime(options);
}

class SandboxRuntime implements Runtime, TrialRuntime {
  readonly #options: SandboxOptions & { readonly layers: LayerAdopter };
  #process: Promise<SandboxProcess> | undefined;

  constructor(options: SandboxOptions & { readonly layers: LayerAdopter }) {
    this.#options = options;
  }

  async run(request: RunRequest, io: RunIo): Promise<RunResult> {
    return this.#execute(request, { type: 'build' }, io, async (report) => {
      if (report.type === 'exited') return failure(report.exitCode);
      if (report.type !== 'succeeded' || report.table === undefined)
        throw new Error('the sandbox sent no layer');
      return { ok: true, layer: await this.#options.layers.adopt(report.table) };
    });
  }

  async trial(request: RunRequest, io: RunIo): Promise<number> {
    return this.#execute(request, { type: 'trial' }, io, (report) => {
      if (report.type !== 'exited') throw new Error(`the sandbox answered a trial with ${report.type}`);
      return Promise.resolve(report.exitCode);
    });
  }

  async #execute<T>(
    request: RunRequest,
    mode: { readonly type: 'build' | 'trial' },
    io: RunIo,
    keep: (report: Outcome) => Promise<T>,
  ): Promise<T> {
    const { signal } = io;
    signal.throwIfAborted();
    checkRequest(request);
    return this.#inSandbox(signal, async (sandbox, directory) => {
      const emulation = await askEmulation(sandbox, request.platform, this.#options);
      if (emulation.type !== 'native') io.onEmulated?.(emulation.emulator);
      const order = { ...plainRequest(request), emulated: emulation.type === 'own', directory, mode };
      return keep(
        await ending(
          sandbox,
          sandbox.run(order, (stream, data) => io.onOutput(stream, data)),
          signal,
        ),
      );
    });
  }

  unpack(blob: UnpackRequest, { signal }: { readonly signal: AbortSignal }): Promise<Unpacked | undefined> {
    return this.#inSandbox(signal, async (sandbox, directory) => {
      const report = await ending(sandbox, sandbox.unpack({ ...blob, directory }), signal);
      if (report.type === 'irregular') return undefined;
      if (report.type !== 'unpacked') throw new Error('the sandbox sent no table');
      return { layer: await this.#options.layers.adoptTable(report.table), size: report.size };
    });
  }

  /** Does something in the sandbox with a directory of its own. */
  async #inSandbox<T>(
    signal: AbortSignal,
    work: (sandbox: SandboxProcess, directory: string) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const sandbox = await this.#open();
    const directory = await openRunDirectory(this.#options.paths);
    try {
      return await work(sandbox, directory);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      await removeRunDirectory(directory);
    }
  }

  async #open(): Promise<SandboxProcess> {
    this.#process ??= SandboxProcess.open(this.#options, 'none');
    try {
      return await this.#process;
    } catch (error) {
      // The next run may try again: what was missing can be installed by then.
      this.#process = undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opening = this.#process;
    if (opening === undefined) return;
    const opened = await opening.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  }
}

/** Waits for the end of what was started; aborting `signal` ends it. */
async function ending(sandbox: SandboxProcess, started: Started, signal: AbortSignal): Promise<Outcome> {
  const abort = (): void => sandbox.send(started.number, { type: 'abort' });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const report = await started.outcome;
    signal.throwIfAborted();
    return report;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function plainMount(mount: RequestMount): OrderMount {
  if (mount.type === 'secret') {
    const { bytes, ...rest } = mount;
    return { ...rest, base64: base64(bytes) };
  }
  if (mount.type !== 'ssh') return mount;
  const { agent } = mount;
  return { ...mount, agent: agent.type === 'socket' ? agent : { ...agent, keys: agent.keys.map(base64) } };
}

/** The request in a form that crosses the pipe. */
function plainRequest({
  stdin,
  files = [],
  mounts,
  ...rest
}: RunRequest): Omit<RunOrder, 'directory' | 'mode'> {
  return {
    ...rest,
    ...(stdin === undefined ? {} : { stdin: base64(stdin) }),
    ...(mounts === undefined ? {} : { mounts: mounts.map(plainMount) }),
    files: files.map(({ path, mode, bytes }) => ({ path, mode, base64: base64(bytes) })),
  };
}

function failure(exitCode: number): RunResult {
  const signal = exitCode > 128 ? SIGNALS.get(exitCode - 128) : undefined;
  return { ok: false, exitCode, ...(signal === undefined ? {} : { signal }) };
}

/** @throws LapidaryError USAGE for what a kernel or a file format could not take */
export function checkRequest(request: Pick<RunRequest, 'argv' | 'env' | 'cwd' | 'hostname' | 'files'>): void {
  const { argv, env, cwd, hostname, files = [] } = request;
  if (argv.length === 0) throw new LapidaryError('USAGE', 'there is no command to run');
  if (!/^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,62}[0-9A-Za-z])?$/.test(hostname)) {
    const hint = 'up to 64 letters, digits, dots, hyphens and underscores';
    throw new LapidaryError('USAGE', `not a host name: ${quoted(hostname)}`, { hint });
  }
  for (const text of [...argv, ...env, cwd]) {
    if (text.includes('\0')) throw new LapidaryError('USAGE', `a NUL character in ${quoted(text)}`);
  }
  for (const { path } of files) {
    // Anywhere else the mount point would become part of the layer.
    const inside =
      /^\/dev(?:\/[^/\0]+)+$/.test(path) && !path.split('/').some((name) => name === '.' || name === '..');
    if (!inside) throw new LapidaryError('USAGE', `the file ${quoted(path)} is not below /dev`);
  }
  if (!cwd.startsWith('/'))
    throw new LapidaryError('USAGE', `the working directory ${quoted(cwd)} is not absolute`);
}

/**
 * A directory for one run, which only root can look into. Its name, `<pid>-<start time>-<n>`, tells whose it is, so
 * that what a killed process left behind can be told from what is in use.
 */
export async function openRunDirectory(paths: StorePaths): Promise<string> {
  const owner = `${process.pid}-${await startTime()}`;
  for (let n = 0; ; n++) {
    const directory = `${paths.work}/${owner}-${n}`;
    try {
      await mkdir(directory, { mode: 0o700 });
      return directory;
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST') continue;
      throw new LapidaryError('STORE_FAILED', `cannot make the directory ${quoted(directory)}: ${code}`, {
        hint: code === 'ENOSPC' ? 'free some disk space' : undefined,
        cause: error,
      });
    }
  }
}

/** When this process started, in clock ticks since boot: proc_pid_stat(5), field 22. */
async function startTime(): Promise<string> {
  const stat = await readFile('/proc/self/stat', 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

/** Its mounts are gone: they were never in this process's mount namespace. */
export async function removeRunDirectory(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    try {
      // Names that are not UTF-8, after a sandbox that was killed: this way of removing copes with them.
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      // Of other owners in a user namespace that is gone by now: the store has the next one remove it
      if (process.getuid?.() === 0) throw error;
    }
  }
}
