import { type LayerId, Tree } from '../tree/index.ts';
import type { LayerStore } from './ports.ts';

/** Merged trees of stacks of layers, each made once from the tree of the stack below it. */
export class TreeCache {
  readonly #layers: LayerStore;
  readonly #trees = new Map<string, Promise<Tree>>();

  constructor(layers: LayerStore) {
    this.#layers = layers;
  }

  /** `stack` is base first. */
  of(stack: readonly LayerId[]): Promise<Tree> {
    const top = stack.at(-1);
    if (top === undefined) return Promise.resolve(Tree.empty);
    const name = stack.join(' ');
    const known = this.#trees.get(name);
    if (known) return known;
    const made = this.#make(stack.slice(0, -1), top);
    this.#trees.set(name, made);
    return made;
  }

  async #make(below: readonly LayerId[], top: LayerId): Promise<Tree> {
    const [base, layer] = await Promise.all([this.of(below), this.#layers.read(top)]);
    return base.apply(layer.entries);
  }
}
