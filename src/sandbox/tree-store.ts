import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { hexOf } from '../oci/index.ts';
import type { StorePaths } from '../solve/index.ts';
import type { Entry, Inode, LayerId, Metadata } from '../tree/index.ts';
import { ContentSource } from './content-source.ts';
import { DEFAULT_DIRECTORY, inodeOf, metadataOf } from './inode.ts';
import { LowerView } from './lower-view.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import { decodeLayer } from './table.ts';
import { planTree, type TreePlan } from './tree-plan.ts';
import { type Fill, Unpacker } from './unpack.ts';

/**
 * Unpacked layers in the store: `<trees>/<name>`, complete when they are there. The name is the hex of the
 * layer's ID, or, where the layer leaves something to the layers below (the metadata of a parent directory,
 * the target of a hard link), the hex of a digest over its ID and what was found there.
 * Several processes may make the same one at once: the first rename wins.
 */
export class TreeStore {
  readonly #syscalls: Syscalls;
  readonly #paths: StorePaths;
  /** Layers known to be named by their ID alone, or their plan. */
  readonly #plans = new Map<LayerId, TreePlan>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(syscalls: Syscalls, paths: StorePaths) {
    this.#syscalls = syscalls;
    this.#paths = paths;
  }

  /**
   * The directories of a stack of layers, base first like `layers`; unpacks what is missing. `scratch` is an
   * existing directory on the store's filesystem that belongs to the caller.
   * @throws LapidaryError STORE_CORRUPT, STORE_FAILED
   */
  prepare(layers: readonly LayerId[], scratch: string, signal: AbortSignal): Promise<LowerView> {
    // One at a time: a second run over the same base waits for its trees instead of making them again.
    const made = this.#last.then(() => this.#prepare(layers, scratch, signal));
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #prepare(layers: readonly LayerId[], scratch: string, signal: AbortSignal): Promise<LowerView> {
    const names: string[] = [];
    for (const id of layers) {
      signal.throwIfAborted();
      const direct = hexOf(id);
      names.push(existsSync(this.#host(direct)) ? direct : this.#prepareLayer(id, names, scratch));
      // Unpacking blocks: this lets messages through, among them the one that aborts.
      await new Promise(setImmediate);
    }
    return new LowerView(
      this.#syscalls,
      names.map((name) => this.#host(name)),
    );
  }

  #host(name: string): string {
    return `${this.#paths.trees}/${name}`;
  }

  #prepareLayer(id: LayerId, lower: readonly string[], scratch: string): string {
    const plan = this.#plan(id);
    const { fill, links, key } = this.#fillIn(plan, lower);
    const name = key === '' ? hexOf(id) : createHash('sha256').update(`${id}\n${key}`).digest('hex');
    if (existsSync(this.#host(name))) return name;
    const target = `${scratch}/tree-${name}`;
    {
      using contents = new ContentSource(this.#paths, this.#syscalls);
      new Unpacker(this.#syscalls, target).unpack({ ...plan, links }, fill, contents);
    }
    publishTree(this.#syscalls, { from: target, to: this.#host(name) });
    this.#plans.delete(id);
    return name;
  }

  #plan(id: LayerId): TreePlan {
    let plan = this.#plans.get(id);
    if (plan === undefined) {
      plan = planTree(readTable(this.#paths, id));
      // Only a layer with gaps is asked for again; a plan holds no contents.
      if (plan.implied.length > 0 || hasForeignLinks(plan)) this.#plans.set(id, plan);
    }
    return plan;
  }

  /** `key` is the same for the same answers of the layers below, `''` when nothing had to be asked. */
  #fillIn(
    plan: TreePlan,
    lower: readonly string[],
  ): { readonly fill: Fill; readonly links: TreePlan['links']; readonly key: string } {
    if (plan.implied.length === 0 && !hasForeignLinks(plan)) {
      return { fill: { directories: new Map(), foreign: new Map() }, links: plan.links, key: '' };
    }
    const view = new LowerView(
      this.#syscalls,
      lower.map((name) => this.#host(name)),
    );
    const asked: unknown[] = [];
    const directories = new Map<string, Metadata>();
    for (const path of plan.implied) {
      const found = view.find(path)?.found;
      const metadata = found?.kind === 'dir' ? metadataOf(found) : DEFAULT_DIRECTORY;
      directories.set(path, metadata);
      asked.push([
        path,
        {
          ...metadata,
          xattrs: [...(metadata.xattrs ?? [])].map(([n, v]) => [n, Buffer.from(v).toString('hex')]),
        },
      ]);
    }
    const foreign = new Map<string, Inode>();
    const links: { path: string; target: string }[] = [];
    const firstNames = new Map<string, string>();
    for (const { path, target } of plan.links) {
      const first = plan.nodes.has(target) ? target : firstNames.get(target);
      if (first !== undefined) {
        links.push({ path, target: first });
        continue;
      }
      const { node, origin } = this.#foreignNode(view, target);
      foreign.set(path, node);
      firstNames.set(target, path);
      asked.push([path, origin]);
    }
    return { fill: { directories, foreign }, links, key: JSON.stringify(asked) };
  }

  /** A file of the layers below as a node whose contents are read from there. */
  #foreignNode(view: LowerView, target: string): { readonly node: Inode; readonly origin: string } {
    const at = view.find(target);
    const missing = new LapidaryError(
      'STORE_CORRUPT',
      `a layer has a hard link to ${JSON.stringify(target)}, which is not in the layers below`,
    );
    if (at === undefined) throw missing;
    const relative = at.host.slice(this.#paths.trees.length + 1);
    const slash = relative.indexOf('/');
    const node = inodeOf(at.found, at.host, {
      tree: relative.slice(0, slash),
      path: relative.slice(slash + 1),
    });
    if (node === undefined || node.type === 'dir') throw missing;
    return { node, origin: relative };
  }
}

function hasForeignLinks(plan: TreePlan): boolean {
  return plan.links.some(({ target }) => !plan.nodes.has(target));
}

/** @throws LapidaryError STORE_CORRUPT when there is no table or it is not what its name says */
function readTable(paths: StorePaths, id: LayerId): readonly Entry[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(`${paths.layers}/${hexOf(id)}`);
  } catch (cause) {
    throw new LapidaryError('STORE_CORRUPT', `the local store has no table of layer ${id}`, { cause });
  }
  const layer = decodeLayer(bytes);
  if (layer.id !== id)
    throw new LapidaryError('STORE_CORRUPT', `the table of layer ${id} is one of layer ${layer.id}`);
  return layer.entries;
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
