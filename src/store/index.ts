export { decompress, detectCompression, looksLikeTar, type StreamCompression } from './decompress.ts';
export { defaultStoreRoot, openStore, type Store } from './open-store.ts';
