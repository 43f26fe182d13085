export { canonicalJson } from './canonical-json.ts';
export { chainIds } from './chain-id.ts';
export { compressionLevel, type OutputCompression } from './compression.ts';
export { type ChainId, type DiffId, type Digest, hexOf, isDigest, parseDigest, sha256 } from './digest.ts';
export { formatGoDuration, parseGoDuration } from './go-duration.ts';
export { imagePlatform, isAttestation } from './image-platform.ts';
export { CAPABILITY_NAMES, ULIMIT_NAMES } from './linux-names.ts';
export {
  asDockerLayer,
  type Compression,
  isIndexType,
  isManifestType,
  LAZY_ANNOTATIONS,
  layerCompression,
  lazyAnnotations,
  MEDIA,
} from './media-types.ts';
export {
  parseDescriptor,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
} from './parse-documents.ts';
export { formatPlatform, hostPlatform, matchPlatform, normalisePlatform, parsePlatform } from './platform.ts';
export {
  familiarName,
  formatReference,
  isRepository,
  isTag,
  parseReference,
  type Reference,
  withDefaultTag,
} from './reference.ts';
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
