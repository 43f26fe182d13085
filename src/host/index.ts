export { CAPABILITY, type CapabilityReader, openCapabilityReader } from './capability.ts';
export { decompress, decompressAny, detectCompression, looksLikeTar } from './decompress.ts';
export {
  cString,
  type ForeignFunction,
  type ForeignLibrary,
  type HostPath,
  openForeignLibrary,
  readSized,
  SyscallError,
} from './foreign.ts';
export { contextChanged, openContextFile } from './open-file.ts';
export { peek } from './peek.ts';
export { releaseMemory } from './release-memory.ts';
export {
  type BulkKind,
  type BulkObject,
  clearDoubts,
  doubtfulObjects,
  markUnsettled,
} from './unsettled.ts';
