import type { Descriptor, OutputCompression } from '../oci/index.ts';
import type { BlobStore, FactStore, LayerStore, StoredImage } from '../solve/index.ts';

/** How layers become blobs, and what they are called. */
export type LayerCompression = {
  /** Of layers that were never a blob; default gzip. Layers of Docker archives are never compressed. */
  readonly compression?: OutputCompression;
  /** gzip and estargz: 0 to 9, default 6. zstd: 1 to 19, default 3. */
  readonly compressionLevel?: number;
  /** Compress layers of base images anew, too; default: they stay the blobs that they came as. */
  readonly forceCompression?: boolean;
  /**
   * `false`: the media types of Docker's schema 2, which know neither zstd nor annotations; default: those of OCI, but an
   * image that is pushed with the manifest that it came with keeps its own.
   */
  readonly ociMediaTypes?: boolean;
};

/** One output. `dest` is an absolute path, or `-` for `WriteImageRequest.stdout` (archives and `tar` only). */
export type ImageOutput =
  | ({
      readonly type: 'oci' | 'docker';
      readonly dest: string;
      /** `false` writes an OCI layout directory instead of an archive (oci only). */
      readonly tar: boolean;
    } & LayerCompression)
  | {
      readonly type: 'tar' | 'local';
      readonly dest: string;
      /** A directory for each platform (`linux_arm64`); default: when there are several. */
      readonly platformSplit?: boolean;
    };

export type WriteImageRequest = {
  /** One per platform; several give an index (oci) or a directory for each (tar, local). Not empty. */
  readonly images: readonly StoredImage[];
  /** Normalised references the image is called by; may be empty. */
  readonly references: readonly string[];
  readonly output: ImageOutput;
  /** Where `dest: '-'` goes. It is not ended. */
  readonly stdout?: NodeJS.WritableStream;
  readonly signal?: AbortSignal;
};

export type ExportPorts = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** Remembers what was compressed; see `layerBlobKey`. */
  readonly facts: FactStore;
};

export type WriteImageResult = {
  /** Of the manifest, or of the index when there are several images; absent for `tar` and `local`. */
  readonly descriptor?: Descriptor;
  /** Bytes written: the archive, or the files of a directory that were not there before. */
  readonly size: number;
  /** What could not be carried over, one sentence each. */
  readonly warnings: readonly string[];
};
