import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertSameTree, savedByBuildah } from '../harness/check.ts';
import { dockerfile } from '../harness/inputs.ts';
import { type LayerImage, layerImage } from '../harness/layer-image.ts';
import { assert, fresh, sh, shellWords, WORK } from '../harness/shell.ts';
import { BUSYBOX, buildah, buildahForget, lapidary, resetStore, storeOf } from '../harness/tools.ts';
import type { Case, Side, Workload } from '../harness/types.ts';
import { MANY } from './cached.ts';

/** What a build takes when there is next to nothing to unpack: the part that is the same for every layer. */
const NOTHING = { files: 1, meanBytes: 1 };
/** 300 MB. */
const USUAL = { files: 15_000, meanBytes: 20_000 };

function unpackCase(name: string, about: string, image: LayerImage): Case {
  return {
    name,
    about,
    sides: [...lapidarySides(name, image), ...plainSides(name, image), buildahPull(image)],
  };
}

/** lapidary unpacks when a `RUN` needs the layer: the load is measured with it, and apart from it. */
function lapidarySides(name: string, { layout, data }: LayerImage): readonly Side[] {
  const loaded = `${name}-loaded`;
  const file = dockerfile(`${name}-run`, ['FROM image', `RUN ["${BUSYBOX}", "true"]`]);
  const load = (store: string): readonly string[] => lapidary(store, 'load', '-q', '-i', layout);
  const run = (store: string): readonly string[] => [
    ...lapidary(store, 'build', '-q', '-f', file, '--build-context', `image=oci-layout://${layout}`),
    join(layout, 'blobs'),
  ];
  fresh(storeOf(loaded));
  sh(load(loaded));
  const check = (): void => {
    const trees = join(storeOf(name), 'trees');
    const unpacked = sh(['find', trees, '-type', 'd', '-name', 'data', '-prune']).stdout.trim();
    assert(readdirSync(trees).length > 0 && unpacked !== '', () => `nothing was unpacked in ${trees}`);
    sh(['diff', '-rq', unpacked, data]);
  };
  return [
    {
      tool: 'lapidary load + RUN true',
      before: () => fresh(storeOf(name)),
      command: ['sh', '-c', `${shellWords(load(name))} && ${shellWords(run(name))}`],
      check,
    },
    {
      tool: 'lapidary RUN true, loaded before',
      before: () => resetStore(name, loaded),
      command: run(name),
      check,
    },
  ];
}

function plainSides(name: string, { layout, layer, data }: LayerImage): readonly Side[] {
  const into = join(WORK, `${name}-plain`);
  const same = (directory: string) => (): void => {
    sh(['diff', '-rq', directory, data]);
    fresh(into);
  };
  const before = (): void => void fresh(into);
  return [
    {
      tool: 'tar -xzf',
      before,
      command: ['tar', '-xzf', layer, '-C', into],
      check: same(join(into, 'data')),
    },
    {
      tool: 'umoci raw unpack',
      before,
      command: ['umoci', 'raw', 'unpack', '--image', `${layout}:image`, join(into, 'rootfs')],
      check: same(join(into, 'rootfs/data')),
    },
  ];
}

function buildahPull({ layout, data }: LayerImage): Side {
  // A relative path: it becomes the name of the image, which may not begin with a dot.
  const [parent, name] = [join(layout, '..'), layout.slice(layout.lastIndexOf('/') + 1)];
  const pull = shellWords(buildah('pull', '-q', `oci:${name}:image`));
  return {
    tool: 'buildah pull',
    before: () => buildahForget(name),
    command: ['sh', '-c', `cd ${shellWords([parent])} && ${pull}`],
    check: () => assertSameTree(savedByBuildah(name), data),
  };
}

export const unpack: Workload = {
  name: 'unpack',
  about: 'From an OCI layout with one gzip layer to files on disk',
  runs: 3,
  warmUps: 0,
  prepare: () => [
    unpackCase('unpack-1-file', 'A layer of one file: what starting everything takes', layerImage(NOTHING)),
    unpackCase('unpack-15000-files', 'A layer of 15,000 files, 300 MB', layerImage(USUAL)),
    unpackCase('unpack-40000-files', 'A layer of 40,000 files, 41 MB', layerImage(MANY)),
  ],
};
