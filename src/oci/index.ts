export { chainIds } from './chain-id.ts';
export { type ChainId, type DiffId, type Digest, hexOf, isDigest, parseDigest, sha256 } from './digest.ts';
export { type Compression, isIndexType, isManifestType, layerCompression, MEDIA } from './media-types.ts';
export type {
  ContainerConfig,
  Descriptor,
  Healthcheck,
  HistoryEntry,
  ImageConfig,
  Index,
  Manifest,
  Platform,
} from './types.ts';
