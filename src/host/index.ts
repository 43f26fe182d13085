export { decompress, decompressAny, detectCompression, looksLikeTar } from './decompress.ts';
export { contextChanged, openContextFile } from './open-file.ts';
export { peek } from './peek.ts';
export {
  type BulkKind,
  type BulkObject,
  clearDoubts,
  doubtfulObjects,
  markUnsettled,
} from './unsettled.ts';
