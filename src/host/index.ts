export { decompress, decompressAny, detectCompression, looksLikeTar } from './decompress.ts';
export { contextChanged, openContextFile } from './open-file.ts';
