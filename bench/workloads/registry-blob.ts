import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bigContext, dockerfile } from '../harness/inputs.ts';
import { type NoiseImage, noiseImage } from '../harness/noise-image.ts';
import { benchRegistry, stopRegistry } from '../harness/registry.ts';
import { assert, fresh, sh, WORK } from '../harness/shell.ts';
import { lapidary, resetStore, storeOf } from '../harness/tools.ts';
import type { Case, Side, Workload } from '../harness/types.ts';

const REPOSITORY = 'bench/noise';
const NAME = 'noise';
const MOST_MIB = 300;

/** A store that was given the image: its layer is a blob there, as it came. */
function loadedStore(name: string, { layout }: NoiseImage): string {
  fresh(storeOf(name));
  sh(lapidary(name, 'cp', '-q', `oci:${layout}:image`, `store:${NAME}`));
  return name;
}

const target = (host: string): string => `${host}/${REPOSITORY}:1`;

const digestOf = ({ layer }: NoiseImage): string => `sha256:${basename(realpathSync(layer))}`;

/** The registry has the image, and its layer, which is the one of this digest where one is given. */
function assertPushed(host: string, digest?: string): void {
  const { stdout } = sh(lapidary('registry-check', 'inspect', '--raw', target(host)));
  const [pushed] = (JSON.parse(stdout) as { readonly layers: readonly { readonly digest: string }[] }).layers;
  assert(pushed !== undefined, () => `no layer: ${stdout}`);
  const url = `http://${host}/v2/${REPOSITORY}/blobs/${pushed.digest}`;
  const ask = `fetch('${url}', { method: 'HEAD' }).then(({ status }) => console.log(status))`;
  assert(sh([process.execPath, '-e', ask]).stdout.trim() === '200', () => `${url} is not there`);
  assert(pushed.digest === (digest ?? pushed.digest), () => `${pushed.digest} was pushed, not ${digest}`);
}

type PushOptions = {
  readonly flags?: readonly string[];
  readonly mostMiB?: number;
  /** Of the layer, where it is not made anew. */
  readonly digest?: string;
};

function pushSide(store: string, { flags = [], mostMiB, digest }: PushOptions = {}): Side {
  const { host, empty } = benchRegistry();
  return {
    tool: ['lapidary push', ...flags].join(' '),
    ...(mostMiB !== undefined && { mostMiB }),
    // What the store knows of the registry is not true any more, so it starts from the same state
    before: () => {
      empty();
      resetStore(`${store}-run`, store);
    },
    command: lapidary(`${store}-run`, 'push', '-q', ...flags, NAME, target(host)),
    check: () => assertPushed(host, digest),
  };
}

function cpSide(layout: string, digest: string): Side {
  const { host, empty } = benchRegistry();
  return {
    tool: 'lapidary cp',
    before: () => {
      empty();
      fresh(storeOf('registry-cp'));
    },
    command: lapidary('registry-cp', 'cp', '-q', `oci:${layout}:image`, target(host)),
    check: () => assertPushed(host, digest),
  };
}

function skopeo(source: string, digest?: string): Side {
  const { host, empty } = benchRegistry();
  return {
    tool: 'skopeo copy',
    before: empty,
    command: ['skopeo', 'copy', '-q', '--dest-tls-verify=false', source, `docker://${target(host)}`],
    check: () => assertPushed(host, digest),
  };
}

function pullSide(store: string, image: NoiseImage): Side {
  const { host } = benchRegistry();
  return {
    tool: 'lapidary pull',
    mostMiB: MOST_MIB,
    before: () => {
      sh(lapidary(store, 'push', '-q', NAME, target(host)));
      fresh(storeOf('registry-pull'));
    },
    command: lapidary('registry-pull', 'pull', '-q', target(host)),
    check: () => {
      const blob = `${storeOf('registry-pull')}/blobs/sha256/${basename(realpathSync(image.layer))}`;
      sh(['cmp', blob, image.layer]);
      fresh(storeOf('registry-pull'));
    },
  };
}

/** A layer as a build leaves it: it is compressed while it is sent. */
function builtCase(): Case {
  const store = 'registry-built';
  const layout = join(WORK, 'registry-built');
  const args = ['-q', '-t', NAME, '-f', dockerfile('copy-data', ['FROM scratch', 'COPY data /data/'])];
  const output = `type=oci,tar=false,compression=uncompressed,dest=${layout}`;
  fresh(storeOf(store));
  sh(lapidary(store, 'build', ...args, bigContext()));
  fresh(layout);
  sh(lapidary('registry-layout', 'build', ...args, '-o', output, bigContext()));
  fresh(storeOf('registry-layout'));
  return {
    name: 'push-1-gib-built',
    about: 'Never compressed before; skopeo has it in an OCI layout',
    sides: [pushSide(store), skopeo(`oci:${layout}:latest`)],
  };
}

export const registryBlob: Workload = {
  name: 'registry-blob',
  about: 'An image with a layer of 1 GiB to a registry on this machine (docker-registry, plain HTTP)',
  runs: 5,
  warmUps: 0,
  prepare: (): readonly Case[] => {
    const image = noiseImage(1);
    const store = loadedStore('registry-1', image);
    const digest = digestOf(image);
    return [
      builtCase(),
      {
        name: 'push-1-gib',
        about: 'Compressed already; push has it in its store, the others in an OCI layout',
        sides: [
          pushSide(store, { digest }),
          cpSide(image.layout, digest),
          skopeo(`oci:${image.layout}:image`, digest),
        ],
      },
    ];
  },
  finish: stopRegistry,
};

export const registryMemory: Workload = {
  name: 'registry-memory',
  about: `A layer of 4 GiB to and from a registry on this machine: all processes of a command together may not take more than ${MOST_MIB} MiB`,
  runs: 1,
  warmUps: 0,
  prepare: (): readonly Case[] => {
    const image = noiseImage(4);
    const store = loadedStore('registry-4', image);
    const mostMiB = MOST_MIB;
    const anew = ['--force-compression'];
    return [
      {
        name: 'push-4-gib',
        about: 'As it is',
        sides: [pushSide(store, { mostMiB, digest: digestOf(image) })],
      },
      { name: 'pull-4-gib', about: 'Into a store, unpacked', sides: [pullSide(store, image)] },
      {
        name: 'compress-4-gib',
        about: 'Sent while it is compressed',
        sides: [pushSide(store, { mostMiB, flags: anew })],
      },
    ];
  },
  finish: stopRegistry,
};
