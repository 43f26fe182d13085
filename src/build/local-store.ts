import type { DiffId } from '../oci/index.ts';
import { openStore, type Store } from '../store/index.ts';
import type { LayerId } from '../tree/index.ts';

export type LocalStore = Store;

/** The store at a path, absolute. */
export const openLocalStore: (root: string) => Promise<LocalStore> = openStore;

/** Measures layers of a store: digest and size of their canonical tars. Loads the tar writer when it is needed. */
export function measureIn(
  store: LocalStore,
): (layer: LayerId) => Promise<{ readonly diffId: DiffId; readonly size: number }> {
  return async (id) => {
    const { measureLayer } = await import('../export/index.ts');
    return measureLayer(await store.layers.read(id), store.layers);
  };
}
