import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import type {
  ArchiveReader,
  BlobStore,
  FactStore,
  FileStore,
  ImageStore,
  LayerStore,
  StorePaths,
} from '../solve/index.ts';
import type { Layer, LayerId } from '../tree/index.ts';
import { archiveReader } from './archive-reader.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { FileBlobStore } from './blob-store.ts';
import { FileFactStore } from './fact-store.ts';
import { FileImageStore } from './image-store.ts';
import { FileLayerStore } from './layer-store.ts';
import { type Receiving, salvagePartial } from './partial-blobs.ts';
import { removeDamaged } from './recover.ts';
import { SingleFiles } from './single-files.ts';
import { isMissing, storeError } from './store-error.ts';
import { type WorkDirectory, workDirectory } from './work-directory.ts';

/** Of the directory's form. A store of a later version is never touched. */
const VERSION = '1';

export type { Receiving };

export type Store = AsyncDisposable & {
  readonly paths: StorePaths;
  readonly facts: FactStore;
  readonly blobs: BlobStore & Receiving;
  readonly images: ImageStore;
  readonly layers: LayerStore & {
    /** Moves a finished layer table into the store after verifying it. */
    adopt(tableFile: string): Promise<Layer>;
    /** The same without reading what it says. */
    adoptTable(tableFile: string): Promise<LayerId>;
  };
  readonly archives: ArchiveReader;
  readonly files: FileStore;
  /** Directory of the stat caches of build contexts. */
  readonly statCaches: string;
};

/**
 * Where the store is when nobody says: for root the system's place, for others their own. A relative
 * XDG_DATA_HOME does not count: XDG Base Directory Specification 0.8.
 */
export function defaultStoreRoot(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/var/lib/lapidary';
  const data = env['XDG_DATA_HOME'] ?? '';
  return join(isAbsolute(data) ? data : join(env['HOME'] || '/', '.local', 'share'), 'lapidary');
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
  checkOwner(root);
  const file = join(root, 'version');
  const isNew = !checkVersion(root, file);
  if (isNew) makeDirectories(root);
  const partial = join(root, 'partial');
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const discarded = join(root, 'discarded');
  const work = workDirectory(join(root, 'work'), {
    discarded,
    salvage: (gone) => salvagePartial(gone, partial),
  });
  if (isNew) writeVersion(file, work);
  const paths: StorePaths = {
    layers: join(root, 'layers'),
    packs: join(root, 'packs'),
    trees: join(root, 'trees'),
    caches: join(root, 'caches'),
    form: join(root, 'form'),
    discarded,
    unsettled: join(root, 'unsettled'),
    work: work.path,
  };
  removeDamaged({ ...paths, blobs: join(root, 'blobs', 'sha256') });
  const layers = new FileLayerStore(paths);
  return {
    paths,
    layers,
    facts: new FileFactStore(join(root, 'facts'), work.path),
    blobs: new FileBlobStore(join(root, 'blobs'), { ...paths, partial }),
    images: new FileImageStore(join(root, 'images'), work.path),
    archives: archiveReader(layers),
    files: new SingleFiles(paths),
    statCaches: join(root, 'contexts'),
    [Symbol.asyncDispose]: () => Promise.resolve(work.remove()),
  };
}

/** What one user unpacks has owners that mean nothing to another, not even to root. */
function checkOwner(root: string): void {
  const owner = statSync(root, { throwIfNoEntry: false })?.uid;
  const uid = process.getuid?.();
  if (owner === undefined || uid === undefined || owner === uid) return;
  const text = `the store ${quoted(root)} belongs to the user with ID ${owner}, and this is the one with ID ${uid}`;
  throw new LapidaryError('STORE_FAILED', text, {
    hint: 'every user has a store of his own: name another one with --store or $LAPIDARY_STORE',
  });
}

/** False when there is no store yet, or not all of it. */
function checkVersion(root: string, file: string): boolean {
  const version = readVersion(file);
  if (version === VERSION) return true;
  // An empty one is what a power cut leaves of a store that was just being made
  if (version) {
    throw new LapidaryError(
      'STORE_FAILED',
      `the store ${quoted(root)} has version ${quoted(version)}, not ${VERSION}`,
      {
        hint: 'use a newer lapidary, or another store with --store',
      },
    );
  }
  return false;
}

function makeDirectories(root: string): void {
  for (const name of ['layers', 'packs', 'trees', 'work', 'facts', 'blobs', 'images', 'contexts']) {
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  }
}

/** Last, so that a store with a version is whole. */
function writeVersion(file: string, work: WorkDirectory): void {
  try {
    writeFileAtomic(file, `${VERSION}\n`, { work: work.path, sync: true });
  } catch (error) {
    work.remove();
    throw error;
  }
}

function readVersion(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
