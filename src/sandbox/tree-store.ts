import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { markUnsettled } from '../host/index.ts';
import { hexOf } from '../oci/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { decodeLayer, encodeLayer, finish, joinTable, type LayerId, tabulate } from '../tree/index.ts';
import { unpackFiles } from './blob-unpack.ts';
import { ContentSource } from './content-source.ts';
import { type Fill, fillGaps, type Gaps, gapsOf } from './fill.ts';
import { hidesContents } from './hidden.ts';
import { packHidden } from './hidden-contents.ts';
import { LowerView } from './lower-view.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import { planTree, type TreePlan } from './tree-plan.ts';
import { Unpacker } from './unpack.ts';
import type { LayerBlob } from './unpack-messages.ts';

/**
 * Unpacked layers in the store: `<trees>/<name>`, complete when they are there. The name is the hex of the
 * layer's ID, or, where the layer leaves something to the layers below (the metadata of a parent directory,
 * the target of a hard link), the hex of a digest over its ID and what was found there.
 * Several processes may make the same one at once: the first rename wins.
 */
export class TreeStore {
  readonly #syscalls: Syscalls;
  readonly #paths: StorePaths;
  readonly #callerIsRoot: boolean;
  /** What layers with gaps leave to those below: their tables need not be read for every run. */
  readonly #gaps = new Map<LayerId, Gaps>();
  #last: Promise<unknown> = Promise.resolve();

  /** `callerIsRoot`: whether who uses the store may read everything in it. */
  constructor(syscalls: Syscalls, paths: StorePaths, callerIsRoot: boolean) {
    this.#syscalls = syscalls;
    this.#paths = paths;
    this.#callerIsRoot = callerIsRoot;
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

  /**
   * Unpacks a layer that is a blob so far, in one pass over it, and says what its table is.
   * `below` is the stack it stands on, base first.
   * @throws IrregularLayer for a layer that must be read as a whole first; LapidaryError TAR_INVALID, DIGEST_MISMATCH,
   * STORE_FAILED, STORE_CORRUPT
   */
  unpackBlob(
    blob: LayerBlob,
    { below, scratch, signal }: { below: readonly LayerId[]; scratch: string; signal: AbortSignal },
  ): Promise<UnpackedBlob> {
    const made = this.#last.then(() => this.#unpackBlob(blob, { below, scratch, signal }));
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #unpackBlob(
    blob: LayerBlob,
    { below, scratch, signal }: { below: readonly LayerId[]; scratch: string; signal: AbortSignal },
  ): Promise<UnpackedBlob> {
    const target = `${scratch}/tree-${hexOf(blob.diffId)}`;
    const found = await unpackFiles(blob, { syscalls: this.#syscalls, target, signal });
    const { id, table, plan, gaps, directories, hasHidden, size } = found;
    const stack = gaps.implied.length + gaps.links.length === 0 ? [] : below;
    const lower = await this.#directories(stack, scratch, signal);
    const fill = fillGaps(gaps, () => new LowerView(this.#syscalls, lower));
    {
      using contents = new ContentSource(this.#paths, this.#syscalls);
      new Unpacker(this.#syscalls, target).finish(plan, fill, { contents, directories });
    }
    this.#gaps.set(id, gaps);
    const name = treeName(id, fill);
    const pieces = joinTable(table, name);
    const closed = [...plan.nodes.values(), ...fill.directories.values()].some(
      (node) => (!('type' in node) || node.type === 'dir') && hidesContents(node),
    );
    const reachable = hasHidden || closed ? this.#reachable(pieces, { tree: target, scratch }) : pieces;
    publishTree(this.#paths, { from: target, name });
    return { pieces: reachable, size };
  }

  /** The same table, with contents in places where the owner of the store can read them. */
  #reachable(
    pieces: readonly Uint8Array[],
    place: { readonly tree: string; readonly scratch: string },
  ): readonly Uint8Array[] {
    if (this.#callerIsRoot) return pieces;
    const { entries } = finish(decodeLayer(Buffer.concat(pieces)));
    const packed = packHidden(entries, { ...place, paths: this.#paths });
    return finish(encodeLayer(finish(tabulate(packed)), packed));
  }

  async #prepare(layers: readonly LayerId[], scratch: string, signal: AbortSignal): Promise<LowerView> {
    return new LowerView(this.#syscalls, await this.#directories(layers, scratch, signal));
  }

  async #directories(
    layers: readonly LayerId[],
    scratch: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const directories: string[] = [];
    for (const id of layers) {
      signal.throwIfAborted();
      const direct = this.#host(hexOf(id));
      directories.push(existsSync(direct) ? direct : this.#unpack(id, directories, scratch));
      // Unpacking blocks: this lets messages through, among them the one that aborts.
      await new Promise(setImmediate);
    }
    return directories;
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
    const name = treeName(id, fill);
    const host = this.#host(name);
    if (existsSync(host)) return host;
    const target = `${scratch}/tree-${name}`;
    {
      using contents = new ContentSource(this.#paths, this.#syscalls);
      new Unpacker(this.#syscalls, target).unpack(plan ?? this.#plan(id), fill, contents);
    }
    publishTree(this.#paths, { from: target, name });
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
    return planTree(finish(decodeLayer(bytes, id)).entries);
  }
}

/** A layer's table (`encodeLayer`) in pieces, its contents in a tree of the store, and the bytes of its tar. */
export type UnpackedBlob = { readonly pieces: readonly Uint8Array[]; readonly size: number };

function treeName(id: LayerId, { key }: Fill): string {
  return key === '' ? hexOf(id) : createHash('sha256').update(`${id}\n${key}`).digest('hex');
}

/**
 * Makes a finished directory visible under its name in `<trees>`. When somebody else was faster, theirs stays and ours
 * is removed.
 */
export function publishTree(
  paths: StorePaths,
  { from, name }: { readonly from: string; readonly name: string },
): void {
  markUnsettled(paths.unsettled, { kind: 'tree', name });
  try {
    renameSync(from, `${paths.trees}/${name}`);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    rmSync(from, { recursive: true });
  }
}
