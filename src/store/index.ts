export { defaultStoreRoot, openStore, type Store } from './open-store.ts';
