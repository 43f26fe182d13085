import type { Descriptor, DiffId, Digest, ImageConfig, Platform } from '../../oci/index.ts';
import type { LayerId } from '../../tree/index.ts';
import type { Runtime } from './runtime.ts';

/** One image of one platform in the local store. */
export type StoredImage = {
  /** Digest of the configuration blob: the image ID. */
  readonly id: Digest;
  readonly platform: Platform;
  readonly layers: readonly StoredLayer[];
  /** The manifest it came with, whose bytes are in the blob store: pushed again it keeps its digest. */
  readonly manifest?: Descriptor;
};

/** A layer whose entries and contents are in the store. */
export type LocalLayer = {
  readonly layer: LayerId;
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** The blob this layer came as, so that it is never compressed again. A registry may hold it, and not the store. */
  readonly blob?: Descriptor;
};

/** A layer that only an image has told of. It stays where it is until somebody reads it: see `LayerSource`. */
export type RemoteLayer = {
  readonly layer?: undefined;
  readonly size?: undefined;
  readonly diffId: DiffId;
  readonly blob: Descriptor;
};

export type StoredLayer = LocalLayer | RemoteLayer;

/** A layer of a root filesystem: one that a step made, or one of a base image. */
export type StackLayer = LayerId | StoredLayer;

/** What a tag names. `reference` is normalised (registry/repository:tag). */
export type TaggedImage = {
  readonly reference: string;
  readonly images: readonly StoredImage[];
  /** Digest of what a registry answered for this name, when it came from one: of an index or of a manifest. */
  readonly remote?: Digest;
  /** ISO 8601, when the tag was last moved. */
  readonly taggedAt: string;
};

/** Tags. `tag` moves a name atomically; a reader sees the old or the new image. */
export interface ImageStore {
  get(reference: string): Promise<TaggedImage | undefined>;
  /** `remote`: see `TaggedImage`. */
  tag(reference: string, images: readonly StoredImage[], remote?: Digest): Promise<void>;
  /** False when there was no such tag. */
  untag(reference: string): Promise<boolean>;
  list(): Promise<TaggedImage[]>;
}

/** A base image as the plan needs it: its configuration, and the layers behind it. */
export type ResolvedImage = {
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly layers: readonly StoredLayer[];
};

/** Where `FROM` and `COPY --from=` find images. */
export interface ImageSource {
  /** @throws LapidaryError IMAGE_NOT_FOUND naming every place that was tried. */
  resolve(reference: string, platform: Platform): Promise<ResolvedImage>;
}

/** Brings layers into the store that are elsewhere. */
export interface LayerSource {
  /**
   * The layer in the store: as it is, as another image brought it (a diffID is the same tar everywhere), unpacked from
   * its blob, or fetched. Whoever asks for the same at the same time shares the work.
   * @throws LapidaryError when nobody has it any more, or it is not what its image says
   */
  ensure(layer: StoredLayer): Promise<LocalLayer>;
  /**
   * A stack, base first, for commands that `runtime` is about to run: what is only a blob is unpacked while it is read,
   * which makes what the commands need and what others read in one go.
   * @throws LapidaryError as `ensure` and `Runtime.unpack`
   */
  unpack(stack: readonly StackLayer[], runtime: Pick<Runtime, 'unpack'>): Promise<LayerId[]>;
  /** Bytes that have to come from elsewhere before all of a stack is in the store. Fetches nothing. */
  missingBytes(stack: readonly StackLayer[]): Promise<number>;
}
