import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { below } from './host-path.ts';
import type { OrderMount } from './protocol.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import type { TreeStore } from './tree-store.ts';

/** How often a lock that another process has is asked for again. */
const RETRY_MS = 50;

type CacheOrder = Extract<OrderMount, { type: 'cache' }>;

export type CacheSite = {
  readonly syscalls: Syscalls;
  readonly trees: TreeStore;
  /** Directory of all caches. */
  readonly caches: string;
  /** Does not exist; on the filesystem of the caches. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Called once when the cache is in use by another step and this one has to wait. */
  readonly onWait: () => void;
};

/**
 * A directory that outlives builds, held as long as a step uses it. `<caches>/<name>/` has the instances `0`, `1`, …
 * and beside each a file `<n>.lock` on which those who use it have a lock of flock(2): the kernel takes it back
 * when its owner ends in any way. A private one is held alone, and so is a locked one; who finds all taken makes
 * another, or waits. The file `lock` is held while one is chosen or made.
 */
export class CacheDirectory implements Disposable {
  readonly path: string;
  readonly #lock: number;

  private constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  static async acquire(order: CacheOrder, site: CacheSite): Promise<CacheDirectory> {
    const home = below(site.caches, order.name);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    for (let tries = 0; ; tries++) {
      const found = await tryAcquire(home, order, site);
      if (found !== undefined) return new CacheDirectory(found.path, found.lock);
      if (tries === 0) site.onWait();
      await delay(RETRY_MS, undefined, { signal: site.signal });
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#lock);
  }
}

type Held = { readonly path: string; readonly lock: number };

/** `undefined` when there is nothing to do but wait. */
async function tryAcquire(home: string, order: CacheOrder, site: CacheSite): Promise<Held | undefined> {
  const choosing = openLock(`${home}/lock`);
  try {
    while (!site.syscalls.lockFile(choosing, 'exclusive'))
      await delay(RETRY_MS, undefined, { signal: site.signal });
    const kind = order.sharing === 'shared' ? 'shared' : 'exclusive';
    const instances = readdirSync(home)
      .filter((name) => /^\d{1,9}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
    for (const n of instances) {
      const lock = tryLock(`${home}/${n}.lock`, kind, site.syscalls);
      if (lock !== undefined) return { path: `${home}/${n}`, lock };
    }
    if (order.sharing === 'locked' && instances.length > 0) return undefined;
    const next = (instances.at(-1) ?? -1) + 1;
    const lock = tryLock(`${home}/${next}.lock`, kind, site.syscalls);
    if (lock === undefined) return undefined;
    makeInstance(`${home}/${next}`, order, site);
    // For people who look into the store
    if (next === 0) writeFileSync(`${home}/id`, `${order.id}\n`, { mode: 0o600 });
    return { path: `${home}/${next}`, lock };
  } finally {
    closeSync(choosing);
  }
}

function openLock(path: string): number {
  return openSync(path, 'a', 0o600);
}

function tryLock(path: string, kind: 'shared' | 'exclusive', syscalls: Syscalls): number | undefined {
  const fd = openLock(path);
  try {
    if (syscalls.lockFile(fd, kind)) return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

/** Whole when it has its name. */
function makeInstance(path: string, { seed, owner }: CacheOrder, { trees, scratch }: CacheSite): void {
  if (seed === undefined) mkdirSync(scratch, 0o755);
  else trees.unpackAt(seed, scratch);
  const { uid, gid, mode } = owner ?? {};
  if (uid !== undefined || gid !== undefined) chownSync(scratch, uid ?? 0, gid ?? 0);
  if (mode !== undefined) chmodSync(scratch, mode);
  try {
    renameSync(scratch, path);
  } catch (error) {
    // Somebody removed the cache's directory by hand at this moment
    if (errnoOf(error) !== 'ENOENT') throw error;
    mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true, mode: 0o700 });
    renameSync(scratch, path);
  }
}
