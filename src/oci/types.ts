import type { DiffId, Digest } from './digest.ts';

/** OCI image-spec v1.1.1, descriptor.md. */
export type Descriptor = {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the blob as stored. */
  readonly size: number;
  readonly platform?: Platform;
  /** Of an artifact, in the index of what belongs to a manifest. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** OCI image-spec v1.1.1, image-index.md, "platform". */
export type Platform = {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
};

/** OCI image-spec v1.1.1, manifest.md. */
export type Manifest = {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
};

/** OCI image-spec v1.1.1, image-index.md. */
export type Index = {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Times in nanoseconds, as Docker stores them. `test[0]` is NONE, CMD or CMD-SHELL. */
export type Healthcheck = {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
};

/** The `config` object: OCI image-spec v1.1.1, config.md, with Docker's extensions kept. */
export type ContainerConfig = {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  // Docker's own fields, carried through OCI configs as BuildKit does
  readonly Healthcheck?: Healthcheck;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
};

export type HistoryEntry = {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
};

/** OCI image-spec v1.1.1, config.md. */
export type ImageConfig = Platform & {
  readonly created?: string;
  readonly author?: string;
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[];
};
