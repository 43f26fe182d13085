import { join } from 'node:path';
import { assertSameTree, savedByBuildah, savedByLapidary } from '../harness/check.ts';
import { dockerfile } from '../harness/inputs.ts';
import { type LayerImage, layerImage } from '../harness/layer-image.ts';
import { benchRegistry, stopRegistry } from '../harness/registry.ts';
import { fresh, sh, shellWords, WORK } from '../harness/shell.ts';
import { BUSYBOX, buildah, buildahForget, lapidary, storeOf } from '../harness/tools.ts';
import type { Case, Side, Workload } from '../harness/types.ts';

/** 300 MB. */
const TREE = { files: 15_000, meanBytes: 20_000 };
const REPOSITORY = 'bench/tree';
const STORE = 'registry-tree';

/** Pulling alone leaves the files in a pack; a `RUN` unpacks them into a directory while they arrive. */
function lapidarySides(name: string, { data, layout }: LayerImage): readonly Side[] {
  const file = dockerfile('registry-run', [`FROM ${name}`, `RUN ["${BUSYBOX}", "true"]`]);
  const before = (): void => void fresh(storeOf(STORE));
  return [
    {
      tool: 'lapidary build: FROM + RUN true',
      before,
      command: [...lapidary(STORE, 'build', '-q', '-f', file), join(layout, 'blobs')],
      check: () => {
        const trees = join(storeOf(STORE), 'trees');
        const unpacked = sh(['find', trees, '-type', 'd', '-name', 'data', '-prune']).stdout.trim();
        sh(['diff', '-rq', unpacked, data]);
      },
    },
    {
      tool: 'lapidary pull',
      before,
      command: lapidary(STORE, 'pull', '-q', name),
      check: () => assertSameTree(savedByLapidary(STORE, name), data),
    },
  ];
}

function umoci(name: string, { data }: LayerImage): Side {
  const into = join(WORK, 'registry-umoci');
  const layout = join(into, 'layout');
  const rootfs = join(into, 'rootfs');
  const copy = ['skopeo', 'copy', '-q', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:image`];
  const unpack = ['umoci', 'raw', 'unpack', '--image', `${layout}:image`, rootfs];
  return {
    tool: 'skopeo copy + umoci raw unpack',
    before: () => void fresh(into),
    command: ['sh', '-c', `${shellWords(copy)} && ${shellWords(unpack)}`],
    check: () => {
      sh(['diff', '-rq', join(rootfs, 'data'), data]);
      fresh(into);
    },
  };
}

function buildahPull(name: string, { data }: LayerImage): Side {
  return {
    tool: 'buildah pull',
    before: () => buildahForget(name),
    command: buildah('pull', '-q', '--tls-verify=false', `docker://${name}`),
    check: () => {
      assertSameTree(savedByBuildah(name), data);
      buildahForget(name);
    },
  };
}

export const registryPull: Workload = {
  name: 'registry-pull',
  about:
    'An image of 15,000 files, 300 MB, in one gzip layer, from a registry on this machine to files on disk',
  runs: 5,
  warmUps: 0,
  prepare: (): readonly Case[] => {
    const image = layerImage(TREE);
    const name = `${benchRegistry().host}/${REPOSITORY}:1`;
    sh(['skopeo', 'copy', '-q', '--dest-tls-verify=false', `oci:${image.layout}:image`, `docker://${name}`]);
    return [
      {
        name: 'pull-15000-files',
        about: 'Pulled and unpacked; lapidary runs a command too where it says so',
        sides: [...lapidarySides(name, image), umoci(name, image), buildahPull(name, image)],
      },
    ];
  },
  finish: stopRegistry,
};
