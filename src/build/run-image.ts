import { LapidaryError, quoted } from '../errors/index.ts';
import { type ContainerConfig, type Platform, parseImageConfig } from '../oci/index.ts';
import { environmentMap } from '../plan/index.ts';
import type { SandboxSettings } from '../sandbox/index.ts';
import { type LayerSource, type StoredImage, TreeCache, userOf } from '../solve/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { LocalStore } from './local-store.ts';
import { lazyRuntime, type RuntimeOptions, sandboxOptions } from './runtime.ts';

/** `lapidary run`: what replaces or adds to the image's own configuration. */
export type RunImageRequest = {
  readonly reference: string;
  /** Replace the image's CMD. */
  readonly args: readonly string[];
  /** `NAME=value`; replace the image's variables of the same name. */
  readonly env: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  /** Replaces the image's ENTRYPOINT, and drops its CMD. */
  readonly entrypoint?: readonly string[];
  readonly volumes: readonly {
    readonly source: string;
    readonly target: string;
    readonly readonly: boolean;
  }[];
  /** Runs a small init as process 1, which reaps children and forwards signals. */
  readonly init: boolean;
  readonly tty: boolean;
  readonly platform?: Platform;
  /** How the command is executed. */
  readonly sandbox?: SandboxSettings;
};

type RunImagePorts = {
  readonly store: LocalStore;
  readonly layerSource: LayerSource;
  readonly signal: AbortSignal;
  readonly runtime: RuntimeOptions;
};

/** Runs an image in the foreground and returns the exit code of its process. */
export async function runStoredImage(
  image: StoredImage,
  request: RunImageRequest,
  ports: RunImagePorts,
): Promise<number> {
  const { store, layerSource, signal, runtime } = ports;
  const { config = {} } = parseImageConfig(await store.blobs.readBytes(image.id));
  const trees = new TreeCache(store.layers, layerSource);
  const layers = await unpackedLayers(image, trees, ports);
  const { user } = await userOf(request.user ?? config.User ?? '', image.layers, {
    trees,
    layers: store.layers,
  });
  const { runImage } = await import('../sandbox/index.ts');
  return runImage(
    {
      paths: store.paths,
      ...sandboxOptions(runtime),
      layers,
      platform: image.platform,
      process: {
        argv: commandLine(config, request),
        env: environment(config, request),
        cwd: request.workdir ?? (config.WorkingDir || '/'),
        user,
        hostname: image.id.slice('sha256:'.length, 'sha256:'.length + 12),
      },
      volumes: request.volumes,
      init: request.init,
      tty: request.tty,
    },
    signal,
  );
}

/** By a sandbox of its own, that of the command is in the foreground; none is started where all is unpacked. */
async function unpackedLayers(
  image: StoredImage,
  trees: TreeCache,
  { store, runtime }: RunImagePorts,
): Promise<readonly LayerId[]> {
  await using unpacking = lazyRuntime(store, runtime);
  return await trees.unpacked(image.layers, unpacking);
}

function commandLine(config: ContainerConfig, request: RunImageRequest): readonly string[] {
  const { entrypoint, args } = request;
  const command = args.length > 0 || entrypoint !== undefined ? args : (config.Cmd ?? []);
  const argv = [...(entrypoint ?? config.Entrypoint ?? []), ...command];
  if (argv.length > 0) return argv;
  throw new LapidaryError('USAGE', `the image ${quoted(request.reference)} does not say what to run`, {
    hint: 'add the command after the image, or set CMD or ENTRYPOINT in its Dockerfile',
  });
}

function environment(config: ContainerConfig, request: RunImageRequest): string[] {
  const env = environmentMap([...(config.Env ?? []), ...request.env]);
  if (request.tty && !env.has('TERM')) env.set('TERM', 'xterm');
  return [...env].map(([name, value]) => `${name}=${value}`);
}
