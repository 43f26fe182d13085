import { LapidaryError, quoted } from '../errors/index.ts';
import type { LowerView } from './lower-view.ts';
import { checkKernel, checkKind, type MountPoint, makePointIn, resolvePoint } from './mount-point.ts';
import { type MountHooks, MountSources, type Source, type TargetOrder } from './mount-sources.ts';
import type { SpecMount } from './oci-spec.ts';
import type { OrderMount, RunOrder } from './protocol.ts';
import type { RunContext } from './run.ts';
import type { MissingPoint } from './stubs.ts';

/** What the runtime mounts itself, or over it: mount points in there need not be made. */
const OWN = /^(?:proc|sys|dev)(?:\/|$)/;

/** A mount with the place that its target leads to, and what is mounted there. */
type Placed = {
  /** Position among the mounts of the order. */
  readonly position: number;
  readonly order: TargetOrder;
  readonly point: MountPoint;
  readonly source: Source;
};

/**
 * Everything that a run mounts, from its opening to its end. Disposing takes back mounts, sockets, agents and locks;
 * nothing of it may be in use by then.
 */
export class RunMounts implements AsyncDisposable {
  /** For the runtime, in this order. */
  readonly mounts: readonly SpecMount[];
  /** Mount points that the root has to be given. */
  readonly points: readonly MissingPoint[];
  /** Variables that are secrets, `NAME=value`. */
  readonly env: readonly string[];
  /** Where everything that tells a secret has to be written. */
  readonly memory: string | undefined;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<RunMounts, 'mounts' | 'points' | 'env' | 'memory'>,
    resources: AsyncDisposableStack,
  ) {
    this.mounts = parts.mounts;
    this.points = parts.points;
    this.env = parts.env;
    this.memory = parts.memory;
    this.#resources = resources;
  }

  /** @throws LapidaryError MOUNT_FAILED, RUNTIME_MISSING, STORE_FAILED */
  static async open(
    context: RunContext,
    { order, view }: { readonly order: RunOrder; readonly view: LowerView },
    hooks: MountHooks,
  ): Promise<RunMounts> {
    await using resources = new AsyncDisposableStack();
    const sources = new MountSources(context, { order, hooks, resources });
    const { mounts = [] } = order;
    const placed: Placed[] = [];
    // Two steps that wait for locks of each other would wait for ever: all take them in one order
    const inOrder = [...mounts.entries()].sort(([, a], [, b]) => compareNames(lockName(a), lockName(b)));
    for (const [position, mount] of inOrder) {
      if (mount.target === undefined) continue;
      const one = { ...mount, target: mount.target };
      const point = resolvePoint(view, one.target);
      checkKernel(one.target, point);
      const source = await sources.source(one, point);
      checkKind(one.target, point, source.kind);
      placed.push({ position, order: one, point, source });
    }
    const sorted = placed.sort((a, b) => a.position - b.position);
    return new RunMounts(
      {
        mounts: sorted.map(specOf),
        points: sorted.flatMap((one, i) => missingPoint(one, sorted.slice(0, i))),
        env: mounts.flatMap(variableOf),
        memory: sources.memoryPath,
      },
      resources.move(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const lockName = (mount: OrderMount): string => (mount.type === 'cache' ? mount.name : '');

function variableOf(mount: OrderMount): string[] {
  if (mount.type !== 'secret' || mount.env === undefined) return [];
  const value = Buffer.from(mount.base64, 'base64').toString('utf8');
  if (!value.includes('\0')) return [`${mount.env}=${value}`];
  throw new LapidaryError('MOUNT_FAILED', `the secret for the variable ${quoted(mount.env)} has a NUL byte`, {
    hint: 'mount it as a file: leave out env=',
  });
}

function specOf({ order, source: { type, path, options } }: Placed): SpecMount {
  return { destination: order.target, type, source: path, options };
}

/** A mount point in another mount is made there, or by the runtime; one of the root is asked for. */
function missingPoint({ point, source, order }: Placed, before: readonly Placed[]): MissingPoint[] {
  const around = before.findLast((one) => point.path.startsWith(`${one.point.path}/`));
  if (around !== undefined) {
    const { inside } = around.source;
    if (inside !== undefined)
      makePointIn(inside, point.path.slice(around.point.path.length + 1), source.kind);
    return [];
  }
  if (point.path === '') {
    throw new LapidaryError(
      'MOUNT_FAILED',
      `nothing can be mounted on ${quoted(order.target)}: it leads to the root`,
    );
  }
  if (point.found !== undefined || OWN.test(point.path)) return [];
  const mode = source.type === 'tmpfs' ? { mode: 0o1777 } : {};
  return [{ path: point.path, kind: source.kind, ...mode }];
}
