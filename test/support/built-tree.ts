import { type BuildRequest, build } from '../../src/build/index.ts';
import type { BuildEvent } from '../../src/solve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { Tree } from '../../src/tree/index.ts';
import { readLayers } from './read-layers.ts';

export type Built = {
  readonly tree: Tree;
  /** `hit` or `done` of every step, in order. */
  readonly results: readonly string[];
  readonly warnings: readonly string[];
  /** Contents of a file. */
  text(path: string): Promise<string>;
};

/** Builds in this process and looks at the filesystem that came out. */
export async function builtTree(
  store: string,
  request: BuildRequest,
  more: Partial<Parameters<typeof build>[1]> = {},
): Promise<Built> {
  const events: BuildEvent[] = [];
  const options = { store, ...more, onEvent: (event: BuildEvent) => void events.push(event) };
  await build({ ...request, tags: ['built'] }, options);
  await using opened = await openStore(store);
  const { layers } = opened;
  const image = (await opened.images.get('docker.io/library/built:latest'))?.images[0];
  const stack = image === undefined ? [] : await readLayers(image, opened);
  const tree = Tree.of(stack.map(({ entries }) => entries));
  return {
    tree,
    results: events.flatMap((event) => (event.type === 'step-end' ? [event.result] : [])),
    warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    text: async (path) => {
      const inode = tree.get(path)?.inode;
      if (inode?.type !== 'file') throw new Error(`${path} is no file`);
      return new TextDecoder().decode(await layers.readContent(inode));
    },
  };
}
