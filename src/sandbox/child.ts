import { once } from 'node:events';
import { openSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { Socket } from 'node:net';
import { LapidaryError } from '../errors/index.ts';
import { hostPlatform } from '../oci/index.ts';
import type { Container } from './container.ts';
import { openDevices } from './devices.ts';
import { Emulators } from './emulation.ts';
import {
  decodeOrder,
  encodeFrame,
  encodeMessage,
  FrameReader,
  type Order,
  plainError,
  type Report,
  type RunOrder,
} from './protocol.ts';
import { type RunContext, runOrder, unpackOrder } from './run.ts';
import type { openNetwork, StepNetwork } from './step-network.ts';
import { errnoOf, Syscalls } from './syscalls.ts';
import { TreeStore } from './tree-store.ts';

/** Descriptor of the control pipe, as set up by the process that starts this one. */
const CONTROL_FD = 3;

/** An order at work. */
type Work = { readonly abort: AbortController; container?: Container };

/**
 * The sandbox itself: process 1 of its own PID namespace, with its own mounts. It does what the frames on
 * the control pipe say and ends with that pipe, after everything that runs was killed.
 */
class Child {
  readonly #control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  readonly #runs = new Map<number, Work>();
  #context: RunContext | undefined;

  async serve(): Promise<void> {
    this.#control.setMaxListeners(0);
    const reader = new FrameReader();
    // A broken pipe is the end as well; whoever was at the other side is gone.
    this.#control.on('error', () => this.#control.destroy());
    for await (const chunk of this.#control) {
      for (const frame of reader.push(chunk as Uint8Array)) await this.#obey(frame.run, decodeOrder(frame));
    }
    for (const { abort } of this.#runs.values()) abort.abort();
  }

  async #obey(run: number, order: Order): Promise<void> {
    switch (order.type) {
      case 'open':
        return this.#open(order);
      case 'run':
        void this.#run(run, order.order);
        return;
      case 'unpack':
        void this.#work(run, (context, { abort }) => unpackOrder(context, order.order, abort.signal));
        return;
      case 'emulate':
        void this.#work(run, async ({ emulators }) => ({
          type: 'emulation',
          emulation: await emulators.prepare(order.request),
        }));
        return;
      case 'abort':
        this.#runs.get(run)?.abort.abort();
        return;
      case 'signal':
        this.#runs.get(run)?.container?.signal(order.signal);
    }
  }

  async #open(order: Extract<Order, { type: 'open' }>): Promise<void> {
    const { paths, runtime, searchPath, attributes, callerIsRoot, settings } = order;
    try {
      const syscalls = await Syscalls.open(attributes);
      // Gained capabilities take back what unshare(1) asked for: prctl(2)
      syscalls.dieWithParent();
      const cgroups = order.cgroups.map((path) => openSync(path, 'w'));
      hideCgroups(syscalls, runtime.name);
      const devices = await openDevices(settings.devices);
      const trees = new TreeStore(syscalls, paths, callerIsRoot);
      const network = this.#openNetwork({ syscalls, searchPath });
      const emulators = new Emulators({
        ...(callerIsRoot ? {} : { own: syscalls }),
        searchPath,
        scratch: paths.work,
        host: hostPlatform(process.arch, 'linux').architecture,
      });
      const machine = { syscalls, paths, runtime, searchPath, callerIsRoot };
      this.#context = { ...machine, trees, network, emulators, settings, devices, cgroups };
      this.#report(0, { type: 'ready' });
      void removeDiscarded(paths.discarded);
    } catch (error) {
      this.#report(0, { type: 'failed', error: plainError(error) });
    }
  }

  /** Once for all steps that want it. */
  #openNetwork(machine: Parameters<typeof openNetwork>[0]): RunContext['network'] {
    let opened: Promise<StepNetwork | undefined> | undefined;
    const open = async (): Promise<StepNetwork | undefined> => {
      const { openNetwork } = await import('./step-network.ts');
      const network = await openNetwork(machine);
      if ('path' in network) return network;
      const message = `steps share the network of this machine, local services included: ${network.reason}`;
      this.#report(0, { type: 'warning', message, hint: network.fix });
      return undefined;
    };
    return () => {
      opened ??= open();
      return opened;
    };
  }

  #run(run: number, order: RunOrder): Promise<void> {
    return this.#work(run, (context, entry) =>
      runOrder(context, order, {
        signal: entry.abort.signal,
        onOutput: async (kind, payload) => this.#send(encodeFrame({ kind, run, payload })),
        onContainer: (container) => {
          entry.container = container;
        },
      }),
    );
  }

  async #work(run: number, work: (context: RunContext, entry: Work) => Promise<Report>): Promise<void> {
    const entry: Work = { abort: new AbortController() };
    this.#runs.set(run, entry);
    try {
      if (this.#context === undefined) throw new Error('the sandbox is not open');
      this.#report(run, await work(this.#context, entry));
    } catch (error) {
      this.#report(run, { type: 'failed', error: plainError(withAdvice(error)) });
    } finally {
      this.#runs.delete(run);
    }
  }

  #report(run: number, report: Report): void {
    this.#control.write(encodeMessage(run, report));
  }

  /** Resolves when more can be written. */
  async #send(frame: Uint8Array): Promise<void> {
    if (!this.#control.write(frame) && !this.#control.destroyed) await once(this.#control, 'drain');
  }
}

/**
 * Runtimes look at the host's cgroups even where they are told not to use them, and refuse some ways of setting
 * them up. crun is content with none at all; runc needs a hierarchy to make a group in.
 */
function hideCgroups(syscalls: Syscalls, runtime: 'crun' | 'runc'): void {
  const type = runtime === 'crun' ? 'tmpfs' : 'cgroup2';
  try {
    syscalls.mount({ source: 'none', target: '/sys/fs/cgroup', type });
  } catch {
    // No /sys, or no cgroups in this kernel: the runtime has to do with what there is.
  }
}

/** What somebody could not remove, as he is not root in here. */
async function removeDiscarded(directory: string): Promise<void> {
  const names = await readdir(directory, { encoding: 'buffer' }).catch(() => []);
  for (const name of names) {
    await new Promise(setImmediate);
    try {
      rmSync(Buffer.concat([Buffer.from(`${directory}/`), name]), { recursive: true, force: true });
    } catch {
      // Another sandbox is at it as well
    }
  }
}

function withAdvice(error: unknown): unknown {
  const code = errnoOf(error);
  if (code === undefined) return error;
  const hint =
    code === 'ENOSPC' ? 'free some disk space' : 'run `lapidary doctor` to see what this machine allows';
  const message = error instanceof Error ? error.message : String(error);
  return new LapidaryError('SANDBOX_FAILED', `the sandbox could not be set up: ${message}`, {
    hint,
    cause: error,
  });
}

// Modes of what is unpacked are exact.
process.umask(0);
// Only the pipe and the parent's death end this process: a Ctrl-C is for the main process to judge.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
await new Child().serve();
