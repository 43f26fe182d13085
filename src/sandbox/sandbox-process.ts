import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LapidaryError } from '../errors/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { StepCgroup } from './cgroup.ts';
import type { EmulationRequest } from './emulation.ts';
import { inUserNamespace, sameMaps } from './id-maps.ts';
import { chooseIsolation, type Isolation } from './isolation.ts';
import { DEFAULT_SEARCH_PATH, requireRuntime } from './programs.ts';
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
import { knownRefusals } from './refusal.ts';
import type { SandboxSettings } from './settings.ts';
import { SHORTAGES } from './shortage.ts';
import { mapIds, spawnTree } from './spawn-tree.ts';
import { claimTrees } from './tree-form.ts';

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
  readonly settings?: SandboxSettings;
  /** Told once each: what steps cannot do on this machine, and is not an error yet. */
  readonly onWarning?: (message: string, hint: string) => void;
};

/** Takes what a run writes, until the run settles. */
type OnOutput = (stream: 'stdout' | 'stderr', data: Uint8Array) => void;
/** How a request to the sandbox can end well. */
export type Outcome = Exclude<Report, { type: 'failed' | 'warning' }>;
/** `number` names it in `send`; `outcome` rejects with what the sandbox says went wrong. */
export type Started = { readonly number: number; readonly outcome: Promise<Outcome> };
type Pending = {
  readonly onOutput: OnOutput;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
};

type Parts = { readonly isolation: Isolation; readonly cgroup: StepCgroup | undefined };
/** Runs are 1, 2, …; 0 is the opening of the sandbox. */
const OPENING = 0;

/**
 * The main process's end of one sandbox: a process tree with its own PID and mount namespace, in a process group
 * of its own. It dies with this process, however that ends, and all its mounts with it.
 */
export class SandboxProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #control: Socket;
  readonly #isolation: Isolation;
  readonly #cgroup: StepCgroup | undefined;
  readonly #onWarning: SandboxOptions['onWarning'];
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #complaint = '';
  #isReady = false;
  #lastRun = OPENING;

  /**
   * `stdio` is what the sandbox's own standard streams are: those of this process for a run in the foreground.
   * @throws LapidaryError PERMISSION, RUNTIME_MISSING, SANDBOX_FAILED
   */
  static async open(options: SandboxOptions, stdio: 'inherit' | 'none'): Promise<SandboxProcess> {
    const { searchPath = DEFAULT_SEARCH_PATH, childScript = defaultChildScript() } = options;
    const isolation = chooseIsolation(options.settings?.isolation ?? 'auto', searchPath);
    const runtime = requireRuntime(searchPath);
    const { paths, settings = {} } = options;
    const cgroup = StepCgroup.open(settings);
    const attributes = claimTrees(paths, namespaceOf(isolation));
    const script = typeof childScript === 'string' ? childScript : fileURLToPath(childScript);
    const child = spawnTree({ searchPath, script, stdio, isolation });
    const opened = new SandboxProcess(child, { isolation, cgroup }, options);
    try {
      const order = {
        type: 'open',
        paths,
        runtime,
        searchPath,
        attributes,
        settings,
        cgroups: cgroup?.entrances ?? [],
        callerIsRoot: process.getuid?.() === 0,
      } as const;
      await Promise.all([opened.#request(OPENING, order), mapIds(child, isolation)]);
      warnOfShortage(isolation, options);
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(child: ChildProcess, { isolation, cgroup }: Parts, { onWarning }: SandboxOptions) {
    this.#cgroup = cgroup;
    this.#onWarning = onWarning;
    this.#process = child;
    this.#isolation = isolation;
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

  /** Asks how programs of another architecture run, and makes it possible. */
  emulate(request: EmulationRequest): Started {
    return this.#start({ type: 'emulate', request });
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
    if (frame.run === OPENING && this.#isReady) {
      const report = decodeReport(frame);
      if (report.type === 'warning') this.#onWarning?.(report.message, report.hint);
      return;
    }
    const pending = this.#pending.get(frame.run);
    if (pending === undefined) return;
    if (frame.kind !== 'message') {
      pending.onOutput(frame.kind, frame.payload);
      return;
    }
    this.#pending.delete(frame.run);
    this.#hold(this.#pending.size > 0);
    const report = decodeReport(frame);
    this.#isReady ||= report.type === 'ready';
    if (report.type === 'failed') pending.reject(revivedError(report.error));
    else if (report.type === 'warning') pending.reject(new Error('a warning of a run'));
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
    const error = this.#isReady ? ended(notes) : notStarted(notes, this.#isolation);
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
    await this.#cgroup?.[Symbol.asyncDispose]();
  }
}

function defaultChildScript(): URL {
  const name = import.meta.url.endsWith('.ts') ? './child.ts' : './sandbox-child.js';
  return new URL(name, import.meta.url);
}

/** Within a user namespace already, as in some containers, root has what its own users have. */
function namespaceOf(isolation: Isolation): Parameters<typeof claimTrees>[1] {
  if (isolation.type === 'user-namespace') return isolation.maps;
  return inUserNamespace() ? sameMaps() : undefined;
}

function warnOfShortage(isolation: Isolation, { onWarning }: SandboxOptions): void {
  if (isolation.type === 'root' || isolation.shortage === undefined) return;
  onWarning?.(
    'commands run with a single user ID: files of other owners than root can be neither unpacked nor made',
    SHORTAGES[isolation.shortage],
  );
}

function ended(notes: readonly string[]): LapidaryError {
  return new LapidaryError('SANDBOX_FAILED', 'the sandbox process ended unexpectedly', {
    hint: 'run `lapidary doctor` to see what this machine allows',
    notes: notes.slice(-10),
  });
}

function notStarted(notes: readonly string[], { type }: Isolation): LapidaryError {
  const [first] = knownRefusals();
  const what = type === 'root' ? 'as root' : 'in a user namespace';
  const why = first === undefined ? '' : `: ${first.cause}`;
  return new LapidaryError('PERMISSION', `no command can be executed ${what}${why}`, {
    hint: first?.fix ?? 'run `lapidary doctor` to see what this machine allows',
    notes: notes.slice(-10),
  });
}
