export { parseStoredImage } from './image-store.ts';
export { defaultStoreRoot, openStore, type Store } from './open-store.ts';
