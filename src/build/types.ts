import type { Unset } from '../dockerfile/index.ts';
import type { ImageOutput, LayerCompression } from '../export/index.ts';
import type { Descriptor, Digest, Platform } from '../oci/index.ts';
import type { Entitlement } from '../plan/index.ts';
import type { RecipeOptions } from '../recipe/index.ts';
import type { RegistryConfig } from '../registry/index.ts';
import type { SandboxSettings } from '../sandbox/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import type { CredentialOptions } from './credentials.ts';
import type { PullPolicy } from './image-source.ts';
import type { MaxSize } from './max-size.ts';
import type { PreflightMode } from './preflight.ts';
import type { Shard } from './shard.ts';
import type { ImageTests } from './test-images.ts';

/** A push to registries. */
export type RegistryOutput = LayerCompression & {
  readonly type: 'registry';
  /** References, as typed; none means the image's tags. */
  readonly names: readonly string[];
  /** No tag is pushed: the manifest is found by its digest only. */
  readonly byDigest?: boolean;
  /** `BuildResult.pushed` names the digest, too. */
  readonly canonical?: boolean;
  /** Plain HTTP, and TLS that cannot be verified, are allowed. */
  readonly insecure?: boolean;
};
/** One `--output`. `dest` is an absolute path, or `-` for the stream given as `BuildOptions.stdout`. */
export type OutputSpec =
  | ImageOutput
  | RegistryOutput
  /** More names in the local store. */
  | { readonly type: 'image'; readonly names: readonly string[] };

/** What to build. Plain data; paths are absolute. */
export type BuildRequest = {
  readonly context:
    | { readonly type: 'directory'; readonly path: string }
    /** `BuildOptions.stdin`: a tar archive, compressed or not, or a Dockerfile that has no context. */
    | { readonly type: 'stream' }
    /** A git URL (`URL#REF:DIRECTORY`), or the http(s) URL of a tar archive or a Dockerfile. */
    | { readonly type: 'remote'; readonly location: string };
  /** Defaults to `Dockerfile`, then `dockerfile`, in the context. `name` is what errors call it. */
  readonly dockerfile?:
    | { readonly type: 'file'; readonly path: string }
    /** A file of a context that is no directory: relative to its root. */
    | { readonly type: 'inside'; readonly path: string }
    | { readonly type: 'remote'; readonly url: string }
    | { readonly type: 'text'; readonly text: string; readonly name: string };
  /** What is said of a project without a Dockerfile; with one it is an error. */
  readonly recipe?: RecipeOptions;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /**
   * What the image is for; `all` is everything that all base images are there for. Default: this machine. Several give
   * one index.
   */
  readonly platforms?: readonly Platform[] | 'all';
  /** What becomes of what can be seen to keep an image from being started; default `warn`. */
  readonly preflight?: PreflightMode;
  /** What every image may take at most, or the build fails. */
  readonly maxSize?: MaxSize;
  /** What has to succeed in every image before an output is written or a name moves. */
  readonly tests?: ImageTests;
  /** Only a part of the platforms; the outputs are OCI layouts, and no name moves. */
  readonly shard?: Shard;
  /** `BuildResult.descriptor` is told of several platforms even when no output needs it: layers are compressed. */
  readonly wantsDigest?: boolean;
  /** References to tag in the local store, as typed. */
  readonly tags?: readonly string[];
  readonly outputs?: readonly OutputSpec[];
  /** Named contexts: a directory, `oci-layout://dir[:tag|@digest]`, `docker-image://reference`, a git or http(s) URL. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** When registries are asked for base images; default `missing`. */
  readonly pull?: PullPolicy;
  /**
   * Use what a lock file says of base images, URLs and repositories, and nothing else. `file` is its absolute path;
   * default: beside the Dockerfile.
   */
  readonly locked?: { readonly file?: string };
  /** Configuration of the result to take back. */
  readonly unset?: readonly Unset[];
  readonly noCache?: boolean;
  /** Stages, by name or index, whose steps are made anew. */
  readonly noCacheStages?: readonly string[];
  /** What the network of a step is that does not say; default: `default`. */
  readonly network?: 'default' | 'host' | 'none';
  /** Rights that steps may ask for. */
  readonly allow?: readonly Entitlement[];
  /** Seconds since 1970. Clamps times in layers and fixes those of the configuration. */
  readonly sourceDateEpoch?: number;
  /** How many steps, fetches and compressions run at once; default: the number of cores. */
  readonly jobs?: number;
};

/** What surrounds a build: never part of what is built. */
export type BuildOptions = CredentialOptions & {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: BuildEvent) => void;
  /** Root of the local store, absolute; see `defaultStoreRoot`. It is made where there is none. */
  readonly store: string;
  /** Where programs such as crun are looked for, like `$PATH`; default: the system's usual places. */
  readonly searchPath?: string;
  /** How commands are executed. */
  readonly sandbox?: SandboxSettings;
  /** Proxies for what is fetched: values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` by these names. */
  readonly proxy?: Readonly<Record<string, string>>;
  /** The context of a request that says that it is a stream. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Credentials, mirrors, certificates and proxies for registries; asked for when the first one is needed. */
  readonly registries?: () => Promise<RegistryConfig>;
  /** Where outputs with `dest: '-'` go. */
  readonly stdout?: NodeJS.WritableStream;
};

export type BuiltImage = {
  readonly platform: Platform;
  /** The image ID: digest of the configuration. */
  readonly id: Digest;
  /** Bytes of all layers, uncompressed. */
  readonly size: number;
};

export type BuildResult = {
  /** One per platform, in the order that was asked for. Not empty. */
  readonly images: readonly BuiltImage[];
  /** Of the manifest, or of the index over several: what an output of type oci or registry has written; see `wantsDigest`. */
  readonly descriptor?: Descriptor;
  /** What registries know the image by now. */
  readonly pushed: readonly string[];
  /** Tags that were moved, normalised. */
  readonly tags: readonly string[];
  readonly steps: { readonly hits: number; readonly runs: number };
};
