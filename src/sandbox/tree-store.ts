import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { hexOf } from '../oci/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { decodeLayer, type LayerId } from '../tree/index.ts';
import { ContentSource } from './content-source.ts';
import { fillGaps, type Gaps, gapsOf } from './fill.ts';
import { LowerView } from './lower-view.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import { planTree, type TreePlan } from './tree-plan.ts';
import { Unpacker } from './unpack.ts';

/**
 * Unpacked layers in the store: `<trees>/<name>`, complete when they are there. The name is the hex of the
 * layer's ID, or, where the layer leaves something to the layers below (the metadata of a parent directory,
 * the target of a hard link), the hex of a digest over its ID and what was found there.
 * Several processes may make the same one at once: the first rename wins.
 */
export class TreeStore {
  readonly #syscalls: Syscalls;
  readonly #paths: StorePaths;
  /** What layers with gaps leave to those below: their tables need not be read for every run. */
  readonly #gaps = new Map<LayerId, Gaps>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(syscalls: Syscalls, paths: StorePaths) {
    this.#syscalls = syscalls;
    this.#paths = paths;
  }

  /**
   * A stack of layers, base first, as it is on disk; unpacks what is missing. `scratch` is an existing directory on
   * the store's filesystem that belongs to the caller.
   * @throws LapidaryError STORE_CORRUPT, STORE_FAILED
   */
  prepare(layers: readonly LayerId[], scratch: string, signal: AbortSignal): Promise<LowerView> {
    // One at a time: a second run over the same base waits for its trees instead of making them again.
    const made = this.#last.then(() => this.#prepare(layers, scratch, signal));
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #prepare(layers: readonly LayerId[], scratch: string, signal: AbortSignal): Promise<LowerView> {
    const directories: string[] = [];
    for (const id of layers) {
      signal.throwIfAborted();
      const direct = this.#host(hexOf(id));
      directories.push(existsSync(direct) ? direct : this.#unpack(id, directories, scratch));
      // Unpacking blocks: this lets messages through, among them the one that aborts.
      await new Promise(setImmediate);
    }
    return new LowerView(this.#syscalls, directories);
  }

  /** Unpacks one layer that stands by itself to a directory that does not exist yet. */
  unpackAt(id: LayerId, target: string): void {
    const plan = this.#plan(id);
    using contents = new ContentSource(this.#paths, this.#syscalls);
    const fill = fillGaps(gapsOf(plan), () => new LowerView(this.#syscalls, []));
    new Unpacker(this.#syscalls, target).unpack(plan, fill, contents);
  }

  #host(name: string): string {
    return `${this.#paths.trees}/${name}`;
  }

  #unpack(id: LayerId, lower: readonly string[], scratch: string): string {
    let plan: TreePlan | undefined;
    let gaps = this.#gaps.get(id);
    if (gaps === undefined) {
      plan = this.#plan(id);
      gaps = gapsOf(plan);
      this.#gaps.set(id, gaps);
    }
    const fill = fillGaps(gaps, () => new LowerView(this.#syscalls, lower));
    const name =
      fill.key === '' ? hexOf(id) : createHash('sha256').update(`${id}\n${fill.key}`).digest('hex');
    const host = this.#host(name);
    if (existsSync(host)) return host;
    const target = `${scratch}/tree-${name}`;
    {
      using contents = new ContentSource(this.#paths, this.#syscalls);
      new Unpacker(this.#syscalls, target).unpack(plan ?? this.#plan(id), fill, contents);
    }
    publishTree(this.#syscalls, { from: target, to: host });
    return host;
  }

  /** @throws LapidaryError STORE_CORRUPT when there is no table or it is not what its name says */
  #plan(id: LayerId): TreePlan {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(`${this.#paths.layers}/${hexOf(id)}`);
    } catch (cause) {
      throw new LapidaryError('STORE_CORRUPT', `the local store has no table of layer ${id}`, { cause });
    }
    return planTree(decodeLayer(bytes, id).entries);
  }
}

/**
 * Makes a finished directory durable and visible under its name. When somebody else was faster, theirs stays
 * and ours is removed.
 */
export function publishTree(
  syscalls: Syscalls,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  // A rename can reach the disk before the data does: after a power cut the tree would be there with empty files.
  const fd = openSync(from, 'r');
  try {
    syscalls.syncFilesystem(fd);
  } finally {
    closeSync(fd);
  }
  try {
    renameSync(from, to);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    rmSync(from, { recursive: true });
  }
}
