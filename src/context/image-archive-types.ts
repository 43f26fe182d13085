import type { Digest, ImageConfig, Platform } from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import type { ImportPorts } from './image-archive-layers.ts';

/** One image of one platform, now in the store. Tagging it is up to the caller. */
export type ImportedImage = {
  /** Normalised names that the archive gives it; the same for all platforms of one index. */
  readonly references: readonly string[];
  readonly image: StoredImage;
  readonly config: ImageConfig;
  /** Of its manifest, where the archive has one. */
  readonly manifest?: Digest;
};

export type ImportOptions = {
  readonly ports: ImportPorts;
  /** Only the image that runs best on this platform, of every name. Default: all platforms. */
  readonly platform?: Platform | undefined;
  readonly signal?: AbortSignal | undefined;
};
