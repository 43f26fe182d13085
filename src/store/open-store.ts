import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import type {
  ArchiveReader,
  BlobStore,
  FactStore,
  ImageStore,
  LayerStore,
  StorePaths,
} from '../solve/index.ts';
import type { Layer } from '../tree/index.ts';
import { archiveReader } from './archive-reader.ts';
import { FileBlobStore } from './blob-store.ts';
import { FileFactStore } from './fact-store.ts';
import { FileImageStore } from './image-store.ts';
import { FileLayerStore } from './layer-store.ts';
import { isMissing, storeError } from './store-error.ts';
import { workDirectory } from './work-directory.ts';

/** Of the directory's form. A store of a later version is never touched. */
const VERSION = '1';

export type Store = AsyncDisposable & {
  readonly paths: StorePaths;
  readonly facts: FactStore;
  readonly blobs: BlobStore;
  readonly images: ImageStore;
  readonly layers: LayerStore & {
    /** Moves a finished layer table into the store after verifying it. */
    adopt(tableFile: string): Promise<Layer>;
  };
  readonly archives: ArchiveReader;
  /** Directory of the stat caches of build contexts. */
  readonly statCaches: string;
};

/** Where the store is when nobody says: for root the system's place, for others their own. */
export function defaultStoreRoot(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/var/lib/lapidary';
  const data = env['XDG_DATA_HOME'] || join(env['HOME'] || '/', '.local', 'share');
  return join(data, 'lapidary');
}

/**
 * Opens a store and makes it where there is none. Cheap on an existing one. Any number of processes may have the
 * same store open; a killed one leaves nothing that needs repair, only files in `work` that a later one removes.
 *
 * @throws LapidaryError STORE_FAILED
 */
export function openStore(root: string): Promise<Store> {
  return Promise.try(() => {
    try {
      return open(root);
    } catch (error) {
      throw storeError(error, root);
    }
  });
}

function open(root: string): Store {
  prepare(root);
  const work = workDirectory(join(root, 'work'));
  const paths: StorePaths = {
    layers: join(root, 'layers'),
    packs: join(root, 'packs'),
    trees: join(root, 'trees'),
    work: work.path,
  };
  const layers = new FileLayerStore(paths);
  return {
    paths,
    layers,
    facts: new FileFactStore(join(root, 'facts'), work.path),
    blobs: new FileBlobStore(join(root, 'blobs'), work.path),
    images: new FileImageStore(join(root, 'images'), work.path),
    archives: archiveReader(layers),
    statCaches: join(root, 'contexts'),
    [Symbol.asyncDispose]: () => Promise.resolve(work.remove()),
  };
}

function prepare(root: string): void {
  const file = join(root, 'version');
  const version = readVersion(file);
  if (version === VERSION) return;
  if (version !== undefined) {
    throw new LapidaryError(
      'STORE_FAILED',
      `the store ${quoted(root)} has version ${quoted(version)}, not ${VERSION}`,
      {
        hint: 'use a newer lapidary, or another store with --store',
      },
    );
  }
  for (const name of ['layers', 'packs', 'trees', 'work', 'facts', 'blobs', 'images', 'contexts']) {
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  }
  writeFileSync(file, `${VERSION}\n`, { mode: 0o600 });
}

function readVersion(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
