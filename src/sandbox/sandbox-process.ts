import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LapidaryError } from '../errors/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { DEFAULT_SEARCH_PATH, requireProgram, requireRuntime } from './programs.ts';
import {
  decodeReport,
  encodeMessage,
  type Frame,
  FrameReader,
  type Order,
  type Report,
  type RunOrder,
  revivedError,
  type UnpackOrder,
} from './protocol.ts';

/** How long the sandbox may take to end by itself once its control pipe is closed. */
const END_GRACE_MS = 10_000;
const MAX_COMPLAINT = 4096;

/** Where the programs are that a sandbox consists of. */
export type SandboxOptions = {
  readonly paths: StorePaths;
  /** The script that becomes the sandbox; default: `child.ts` beside this module, `sandbox-child.js` beside a bundle. */
  readonly childScript?: string | URL;
  /** Colon-separated directories in which crun, runc, unshare and setpriv are looked for. */
  readonly searchPath?: string;
};

/** Takes what a run writes, until the run settles. */
type OnOutput = (stream: 'stdout' | 'stderr', data: Uint8Array) => void;
/** How a request to the sandbox can end well. */
export type Outcome = Exclude<Report, { type: 'failed' }>;
/** `number` names it in `send`; `outcome` rejects with what the sandbox says went wrong. */
export type Started = { readonly number: number; readonly outcome: Promise<Outcome> };
type Pending = {
  readonly onOutput: OnOutput;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
};

/** Runs are 1, 2, …; 0 is the opening of the sandbox. */
const OPENING = 0;

/**
 * The main process's end of one sandbox: a process tree with its own PID and mount namespace, in a process group
 * of its own. It dies with this process, however that ends, and all its mounts with it.
 */
export class SandboxProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #control: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #complaint = '';
  #lastRun = OPENING;

  /**
   * `stdio` is what the sandbox's own standard streams are: those of this process for a run in the foreground.
   * @throws LapidaryError PERMISSION, RUNTIME_MISSING, SANDBOX_FAILED
   */
  static async open(options: SandboxOptions, stdio: 'inherit' | 'none'): Promise<SandboxProcess> {
    const { searchPath = DEFAULT_SEARCH_PATH, childScript = defaultChildScript() } = options;
    if (process.getuid?.() !== 0) {
      throw new LapidaryError(
        'PERMISSION',
        'running commands needs root, for mounts and for files with owners',
        {
          hint: 'needs root: run with sudo',
        },
      );
    }
    const runtime = requireRuntime(searchPath);
    const script = typeof childScript === 'string' ? childScript : fileURLToPath(childScript);
    const opened = new SandboxProcess(spawnTree({ searchPath, script, stdio }));
    try {
      await opened.#request(OPENING, { type: 'open', paths: options.paths, runtime, searchPath });
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#control = child.stdio[3] as Socket;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT);
    });
    const reader = new FrameReader();
    this.#control.on('data', (chunk: Uint8Array) => {
      for (const frame of reader.push(chunk)) this.#receive(frame);
    });
    this.#control.on('error', () => this.#control.destroy());
    this.#exited = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#complaint ||= error.message;
        resolve();
      });
      child.on('close', () => {
        resolve();
      });
    });
    void this.#exited.then(() => this.#failAll());
  }

  /** Starts a run. */
  run(order: RunOrder, onOutput: OnOutput): Started {
    return this.#start({ type: 'run', order }, onOutput);
  }

  /** Starts to unpack a blob, as `run` does. */
  unpack(order: UnpackOrder): Started {
    return this.#start({ type: 'unpack', order });
  }

  #start(order: Order, onOutput?: OnOutput): Started {
    this.#lastRun += 1;
    return { number: this.#lastRun, outcome: this.#request(this.#lastRun, order, onOutput) };
  }

  /** Tells a run something; nothing when it has ended. */
  send(run: number, order: Extract<Order, { type: 'abort' | 'signal' }>): void {
    if (this.#control.writable) this.#control.write(encodeMessage(run, order));
  }

  #request(run: number, order: Order, onOutput: OnOutput = () => undefined): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#pending.set(run, { onOutput, resolve, reject });
      this.#hold(true);
      if (this.#control.writable) this.#control.write(encodeMessage(run, order));
      else this.#failAll();
    });
  }

  #receive(frame: Frame): void {
    const pending = this.#pending.get(frame.run);
    if (pending === undefined) return;
    if (frame.kind !== 'message') {
      pending.onOutput(frame.kind, frame.payload);
      return;
    }
    this.#pending.delete(frame.run);
    this.#hold(this.#pending.size > 0);
    const report = decodeReport(frame);
    if (report.type === 'failed') pending.reject(revivedError(report.error));
    else pending.resolve(report);
  }

  /** An idle sandbox that nobody disposed does not keep this process from ending, which ends the sandbox too. */
  #hold(on: boolean): void {
    const handles = [this.#process, this.#control, this.#process.stderr as Socket | null];
    for (const handle of handles) {
      if (on) handle?.ref();
      else handle?.unref();
    }
  }

  #failAll(): void {
    const notes = this.#complaint.split('\n').filter((line) => line !== '');
    const error = new LapidaryError('SANDBOX_FAILED', 'the sandbox process ended unexpectedly', {
      hint: 'run `lapidary doctor` to see what this machine allows',
      notes: notes.slice(-10),
    });
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Kills what still runs and waits until every process is gone. Disposing twice does nothing more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hold(true);
    this.#control.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_GRACE_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

function defaultChildScript(): URL {
  const name = import.meta.url.endsWith('.ts') ? './child.ts' : './sandbox-child.js';
  return new URL(name, import.meta.url);
}

/**
 * mallopt(3): glibc would give freed buffers back to the kernel and fetch them again for the next piece of a layer, which
 * costs a page fault for each 4 KiB. Other C libraries ignore it.
 */
const KEEP_FREED_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: String(256 << 20),
  MALLOC_TRIM_THRESHOLD_: String(256 << 20),
} as const;

/**
 * setpriv(1) lets the tree die with this process, unshare(1) makes the namespaces and dies with its child; its child
 * is process 1 of the PID namespace, with whose end the kernel kills everything in it.
 */
function spawnTree({
  searchPath,
  script,
  stdio,
}: {
  readonly searchPath: string;
  readonly script: string;
  readonly stdio: 'inherit' | 'none';
}): ChildProcess {
  const hint = 'install it: apt-get install util-linux';
  const setpriv = requireProgram('setpriv', { searchPath, hint });
  const unshare = requireProgram('unshare', { searchPath, hint });
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
  ];
  const child = [process.execPath, '--disable-warning=ExperimentalWarning', script];
  return spawn(setpriv, ['--pdeathsig', 'KILL', unshare, ...namespaces, ...child], {
    // Out of the terminal's foreground group: a Ctrl-C reaches the main process alone.
    detached: true,
    env: { PATH: searchPath, ...KEEP_FREED_MEMORY },
    cwd: '/',
    stdio:
      stdio === 'inherit' ? ['inherit', 'inherit', 'inherit', 'pipe'] : ['ignore', 'ignore', 'pipe', 'pipe'],
  });
}
