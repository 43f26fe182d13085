import { type LayerId, Tree } from '../tree/index.ts';
import type { LayerSource, LayerStore, Runtime, StackLayer } from './ports/index.ts';
import { inTurns } from './turns.ts';

/**
 * Merged trees of stacks of layers, each made once from the tree of the stack below it. Asking for one is what brings
 * the layers of a base image into the store.
 */
export class TreeCache {
  readonly #layers: LayerStore;
  readonly #source: LayerSource;
  readonly #trees = new Map<string, Promise<Tree>>();

  constructor(layers: LayerStore, source: LayerSource) {
    this.#layers = layers;
    this.#source = source;
  }

  /** `stack` is base first. */
  of(stack: readonly StackLayer[]): Promise<Tree> {
    const top = stack.at(-1);
    if (top === undefined) return Promise.resolve(Tree.empty);
    const name = stack.map(layerName).join(' ');
    const known = this.#trees.get(name);
    if (known) return known;
    const made = this.#make(stack.slice(0, -1), top);
    this.#trees.set(name, made);
    return made;
  }

  /** The layers of a stack on disk, for commands that a runtime is about to run over them. */
  unpacked(stack: readonly StackLayer[], runtime: Pick<Runtime, 'unpack'>): Promise<LayerId[]> {
    return this.#source.unpack(stack, runtime);
  }

  async #make(below: readonly StackLayer[], top: StackLayer): Promise<Tree> {
    const read = this.#localId(top).then((id) => this.#layers.read(id));
    const [base, layer] = await Promise.all([this.of(below), read]);
    return inTurns(base.applySteps(layer.entries));
  }

  async #localId(layer: StackLayer): Promise<LayerId> {
    return typeof layer === 'string' ? layer : (await this.#source.ensure(layer)).layer;
  }
}

/** What a layer is called in facts: the same whether it is in the store yet or not. */
export function layerName(layer: StackLayer): string {
  return typeof layer === 'string' ? layer : layer.diffId;
}
