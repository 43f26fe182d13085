import { realpathSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type NoiseImage, noiseImage } from '../harness/noise-image.ts';
import { benchRegistry, stopRegistry } from '../harness/registry.ts';
import { assert, ROOT, sh, WORK } from '../harness/shell.ts';
import type { Case, Side, Workload } from '../harness/types.ts';

const REPOSITORY = 'bench/noise';
const MOST_MIB = 300;

function transfer(
  verb: string,
  host: string,
  { layer }: NoiseImage,
  ...to: readonly string[]
): readonly string[] {
  return [process.execPath, join(ROOT, 'bench/registry-transfer.ts'), verb, host, REPOSITORY, layer, ...to];
}

/** The registry has the blob, as it says when it is asked for it. */
function assertStored(host: string, { layer }: NoiseImage): void {
  const url = `http://${host}/v2/${REPOSITORY}/blobs/sha256:${basename(realpathSync(layer))}`;
  const ask = `fetch('${url}', { method: 'HEAD' }).then(({ status }) => console.log(status))`;
  const { stdout } = sh([process.execPath, '-e', ask]);
  assert(stdout.trim() === '200', () => `${url}: ${stdout}`);
}

function pushSide(verb: string, image: NoiseImage): Side {
  const { host, empty } = benchRegistry();
  return {
    tool: verb === 'push' ? 'lapidary/registry pushBlob' : 'lapidary/registry pushStream',
    mostMiB: MOST_MIB,
    before: empty,
    command: transfer(verb, host, image),
    check: () => assertStored(host, image),
  };
}

function skopeo(image: NoiseImage): Side {
  const { host, empty } = benchRegistry();
  const [from, to] = [`oci:${image.layout}:image`, `docker://${host}/${REPOSITORY}:1`];
  return {
    tool: 'skopeo copy',
    before: empty,
    command: ['skopeo', 'copy', '-q', '--dest-tls-verify=false', from, to],
    check: () => assertStored(host, image),
  };
}

function pullSide(image: NoiseImage): Side {
  const { host } = benchRegistry();
  const file = join(WORK, 'pulled');
  return {
    tool: 'lapidary/registry fetchBlobTo',
    mostMiB: MOST_MIB,
    before: () => {
      rmSync(file, { force: true });
      sh(transfer('push', host, image));
    },
    command: transfer('pull', host, image, file),
    check: () => {
      sh(['cmp', file, image.layer]);
      rmSync(file);
    },
  };
}

export const registryBlob: Workload = {
  name: 'registry-blob',
  about: 'A layer of 1 GiB, compressed already, to a registry on this machine (docker-registry, plain HTTP)',
  runs: 5,
  warmUps: 0,
  prepare: (): readonly Case[] => {
    const image = noiseImage(1);
    return [
      {
        name: 'push-1-gib',
        about: 'lapidary/registry sends the layer; skopeo the same, a configuration and a manifest',
        sides: [pushSide('push', image), pushSide('stream', image), skopeo(image)],
      },
    ];
  },
  finish: stopRegistry,
};

export const registryMemory: Workload = {
  name: 'registry-memory',
  about: `A layer of 4 GiB to and from a registry on this machine: no process may take more than ${MOST_MIB} MiB`,
  runs: 1,
  warmUps: 0,
  prepare: (): readonly Case[] => {
    const image = noiseImage(4);
    return [
      { name: 'push-4-gib', about: 'From a file whose digest is known', sides: [pushSide('push', image)] },
      { name: 'stream-4-gib', about: 'While it is being made', sides: [pushSide('stream', image)] },
      { name: 'pull-4-gib', about: 'To a file', sides: [pullSide(image)] },
    ];
  },
  finish: stopRegistry,
};
