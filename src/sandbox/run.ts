import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { hexOf } from '../oci/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { encodeTree, finish } from '../tree/index.ts';
import { collectUpper } from './collect.ts';
import { Container, type ContainerIo } from './container.ts';
import type { DeviceSetup } from './devices.ts';
import type { Emulators } from './emulation.ts';
import { etcMounts } from './etc-files.ts';
import { packHidden } from './hidden-contents.ts';
import { IrregularLayer } from './layer-scan.ts';
import { listedRoot } from './listed-user.ts';
import type { LowerView } from './lower-view.ts';
import { removeUnused } from './mount-point.ts';
import type { ContainerRequest, SpecMount } from './oci-spec.ts';
import { OverlayMount } from './overlay.ts';
import type { Report, RunOrder, RuntimeProgram, UnpackOrder } from './protocol.ts';
import type { RunMounts } from './run-mounts.ts';
import type { SandboxSettings } from './settings.ts';
import { stepNamespaces } from './step-namespaces.ts';
import type { StepNetwork } from './step-network.ts';
import { makeStubs, setMetadata } from './stubs.ts';
import type { Syscalls } from './syscalls.ts';
import { publishTree, type TreeStore } from './tree-store.ts';

/** More open files than Docker allows help nobody, and cost those who close all of them. */
const MAX_OPEN_FILES = 524_288;
/** Of terminals, as Docker and every runtime have it. */
const TTY_GROUP = 5;
const INIT = '/sbin/docker-init';
/** Files of /etc that are put over those of the image. */
const ETC = {
  build: ['resolv.conf', 'hosts'],
  trial: ['resolv.conf', 'hosts'],
  foreground: ['resolv.conf', 'hosts', 'hostname'],
} as const;

export type RunContext = {
  readonly syscalls: Syscalls;
  readonly paths: StorePaths;
  readonly runtime: RuntimeProgram;
  /** Where programs are, as in `$PATH`. */
  readonly searchPath: string;
  readonly trees: TreeStore;
  /** Whether who sends orders may read whatever is made here. */
  readonly callerIsRoot: boolean;
  /** The network of the steps that name none; `undefined` for that of the machine. Made when it is first asked for. */
  readonly network: () => Promise<StepNetwork | undefined>;
  readonly emulators: Emulators;
  readonly settings: SandboxSettings;
  readonly devices: DeviceSetup;
  /** Open files that take the processes of containers. */
  readonly cgroups: readonly number[];
};

type RunHooks = {
  readonly signal: AbortSignal;
  readonly onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => Promise<void>;
  /** Called once, when there is a container that can be sent signals. */
  readonly onContainer: (container: Container) => void;
};

/**
 * One run from its layers to its change. Everything made on the way is in the order's directory, and nothing is
 * mounted any more when the promise settles, however it does.
 */
export async function runOrder(context: RunContext, order: RunOrder, hooks: RunHooks): Promise<Report> {
  const { directory } = order;
  const { syscalls } = context;
  const network = order.network === 'default' ? context.network() : undefined;
  const view = await context.trees.prepare(order.layers, directory, hooks.signal);
  const upper = `${directory}/upper`;
  mkdirSync(upper);
  setMetadata(syscalls, upper, view.rootMetadata());
  try {
    const { exitCode, made } = await runContainer(context, { order, view, network: await network }, hooks);
    if (order.mode.type !== 'build' || exitCode !== 0) return { type: 'exited', exitCode };
    removeUnused(syscalls, upper, made);
    return { type: 'succeeded', table: await keepChange(context, { directory, upper, view }) };
  } finally {
    removeAllBut(directory, 'table');
  }
}

/**
 * Here and not by whoever made the directory: Node's asynchronous removal stumbles over names that are not UTF-8, and
 * what was made in a user namespace may have owners that only its root can act for.
 */
function removeAllBut(directory: string, kept: string): void {
  for (const name of readdirSync(directory)) {
    if (name !== kept) rmSync(`${directory}/${name}`, { recursive: true, force: true });
  }
}

/** Unpacks a layer from its blob; everything made on the way is in the order's directory. */
export async function unpackOrder(
  { trees, network }: RunContext,
  { blob, below, directory, ...next }: UnpackOrder,
  signal: AbortSignal,
): Promise<Report> {
  // Whoever waits for it hears what becomes of it
  if (next.network === 'default') network().catch(() => undefined);
  try {
    const { pieces, size } = await trees.unpackBlob(blob, { below, scratch: directory, signal });
    const table = `${directory}/table`;
    await writeFile(table, pieces, { mode: 0o600 });
    return { type: 'unpacked', table, size };
  } catch (error) {
    if (error instanceof IrregularLayer) return { type: 'irregular' };
    throw error;
  }
}

type RunParts = {
  readonly order: RunOrder;
  readonly view: LowerView;
  readonly network: StepNetwork | undefined;
};

type Ended = {
  readonly exitCode: number;
  /** Mount points that the root did not have. */
  readonly made: readonly string[];
};

async function runContainer(context: RunContext, run: RunParts, hooks: RunHooks): Promise<Ended> {
  const { order, view, network } = run;
  const { syscalls, runtime } = context;
  const { directory, mode } = order;
  await using mounts = await openMounts(context, { order, view }, hooks);
  const stubs = makeStubs(syscalls, {
    view,
    directory: `${directory}/stubs`,
    etc: ETC[mode.type],
    points: mounts?.points ?? [],
  });
  const lower = stubs.directory === undefined ? view.directories : [stubs.directory, ...view.directories];
  using overlay = OverlayMount.open(syscalls, {
    directory,
    lower,
    devices: order.insecure ?? false,
  });
  const place = mounts?.memory ?? directory;
  const container = new Container({
    syscalls,
    runtime,
    cgroups: context.cgroups,
    directory: place,
    id: `lapidary-${directory.slice(directory.lastIndexOf('/') + 1)}`,
    request: containerRequest(order, {
      root: overlay.target,
      etc: stubs.etc,
      mounts,
      user: order.user === 'default' ? listedRoot(view) : order.user,
      network,
      context,
    }),
    io: await ioOf(context, { ...order, directory: place }, hooks),
  });
  hooks.onContainer(container);
  const kill = (): void => container.kill();
  hooks.signal.addEventListener('abort', kill, { once: true });
  if (hooks.signal.aborted) kill();
  try {
    const exitCode = await container.finished;
    hooks.signal.throwIfAborted();
    return { exitCode, made: stubs.made };
  } finally {
    hooks.signal.removeEventListener('abort', kill);
  }
}

async function openMounts(
  context: RunContext,
  run: { readonly order: RunOrder; readonly view: LowerView },
  { signal, onOutput }: RunHooks,
): Promise<RunMounts | undefined> {
  if (run.order.mounts === undefined) return undefined;
  // Most steps have none: they do not wait for what it takes
  const { RunMounts } = await import('./run-mounts.ts');
  return RunMounts.open(context, run, { signal, say: (text) => onOutput('stderr', Buffer.from(text)) });
}

type Surroundings = Pick<ContainerRequest, 'root' | 'user'> & {
  /** Files of /etc that can be put over those of the image. */
  readonly etc: readonly string[];
  readonly mounts: RunMounts | undefined;
  readonly network: StepNetwork | undefined;
  readonly context: RunContext;
};

function containerRequest(
  order: RunOrder,
  { root, etc, mounts, user, network, context }: Surroundings,
): ContainerRequest {
  const foreground = order.mode.type === 'foreground' ? order.mode : undefined;
  return {
    ...order,
    env: replaceVariables(order.env, [...context.devices.env, ...(mounts?.env ?? [])]),
    insecure: order.insecure ?? false,
    root,
    user,
    ...stepNamespaces(order, context, network),
    ttyGroup: context.syscalls.hasGroup(TTY_GROUP),
    settings: context.settings,
    hooks: context.devices.hooks,
    argv: foreground?.init === undefined ? order.argv : [INIT, '--', ...order.argv],
    terminal: foreground?.terminal ?? false,
    mounts: [
      ...context.devices.mounts,
      ...etcMounts(order, etc, { network, settings: context.settings }),
      ...fileMounts(order),
      ...(mounts?.mounts ?? []),
      ...(foreground === undefined ? [] : volumeMounts(foreground)),
    ],
    maxOpenFiles: maxOpenFiles(),
    arch: process.arch,
  };
}

/** The later one counts, and there is no other. */
function replaceVariables(env: readonly string[], more: readonly string[]): string[] {
  const names = new Set(more.map(nameOfVariable));
  return [...env.filter((line) => !names.has(nameOfVariable(line))), ...more];
}

const nameOfVariable = (line: string): string => line.split('=', 1)[0] ?? '';

async function ioOf({ runtime }: RunContext, order: RunOrder, { onOutput }: RunHooks): Promise<ContainerIo> {
  if (order.mode.type === 'foreground') {
    // runc takes no console socket in the foreground, and passes on everything itself
    if (!order.mode.terminal || runtime.name !== 'crun') return { type: 'inherit' };
    const { Terminal } = await import('./terminal.ts');
    return { type: 'inherit', terminal: await Terminal.open(order.directory) };
  }
  const stdin = order.stdin === undefined ? {} : { stdin: Buffer.from(order.stdin, 'base64') };
  return { type: 'pipes', onOutput, ...stdin };
}

/** Moves the change into the store and writes its table; answers with the table's path. */
async function keepChange(
  { syscalls, paths, callerIsRoot }: RunContext,
  {
    directory,
    upper,
    view,
  }: { readonly directory: string; readonly upper: string; readonly view: LowerView },
): Promise<string> {
  const collected = collectUpper(syscalls, { upper, view });
  const place = { paths, tree: upper, scratch: directory };
  const { id, pieces } = finish(encodeTree(callerIsRoot ? collected : packHidden(collected, place)));
  publishTree(paths, { from: upper, name: hexOf(id) });
  const table = `${directory}/table`;
  await writeFile(table, pieces, { mode: 0o600 });
  return table;
}

/** On the tmpfs of /dev, so that the mount points vanish with it. */
function fileMounts({ directory, files }: RunOrder): SpecMount[] {
  return files.map(({ path, mode, base64 }, index) => {
    const source = `${directory}/file-${index}`;
    writeFileSync(source, Buffer.from(base64, 'base64'), { mode });
    return { destination: path, type: 'bind', source, options: ['bind', 'rprivate', 'ro'] };
  });
}

function volumeMounts(mode: Extract<RunOrder['mode'], { type: 'foreground' }>): SpecMount[] {
  const volumes = mode.volumes.map(
    ({ source, target, readonly }): SpecMount => ({
      destination: target,
      type: 'bind',
      source,
      options: ['rbind', 'rprivate', 'nodev', readonly ? 'ro' : 'rw'],
    }),
  );
  if (mode.init === undefined) return volumes;
  return [
    ...volumes,
    { destination: INIT, type: 'bind', source: mode.init, options: ['bind', 'rprivate', 'ro'] },
  ];
}

/** This process's hard limit, proc_pid_limits(5). */
function maxOpenFiles(): number {
  const match = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
  return Math.min(MAX_OPEN_FILES, match === null ? MAX_OPEN_FILES : Number(match[1]));
}
