import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, type Digest, isDigest } from '../oci/index.ts';
import type { ImageStore, StoredImage, StoredLayer, TaggedImage } from '../solve/index.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { isMissing, storeError } from './store-error.ts';

/** One JSON file per tag, called by the hash of its normalised reference. */
export class FileImageStore implements ImageStore {
  readonly #directory: string;
  readonly #work: string;

  constructor(directory: string, work: string) {
    this.#directory = directory;
    this.#work = work;
  }

  get(reference: string): Promise<TaggedImage | undefined> {
    return Promise.try(() => {
      const image = this.#read(this.#path(reference));
      return image?.reference === reference ? image : undefined;
    });
  }

  tag(reference: string, images: readonly StoredImage[], remote?: Digest): Promise<void> {
    return Promise.try(() => {
      const path = this.#path(reference);
      const old = this.#read(path);
      // A build from the cache names what is named already: nothing to write, and no disk to wait for
      const isSame = old?.reference === reference && old.remote === remote;
      if (isSame && JSON.stringify(old.images) === JSON.stringify(images)) return;
      const taggedAt = new Date().toISOString();
      const tagged: TaggedImage = { reference, images, ...(remote && { remote }), taggedAt };
      writeFileAtomic(path, JSON.stringify(tagged), { work: this.#work, sync: true });
    });
  }

  untag(reference: string): Promise<boolean> {
    return Promise.try(() => {
      const path = this.#path(reference);
      if (this.#read(path) === undefined) return false;
      rmSync(path, { force: true });
      return true;
    });
  }

  list(): Promise<TaggedImage[]> {
    return Promise.try(() => {
      const all = readdirSync(this.#directory).flatMap(
        (name) => this.#read(join(this.#directory, name)) ?? [],
      );
      return all.sort((a, b) => (a.reference < b.reference ? -1 : 1));
    });
  }

  #read(path: string): TaggedImage | undefined {
    try {
      return parseTagged(readFileSync(path, 'utf8'));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw storeError(error, path);
    }
  }

  #path(reference: string): string {
    return join(this.#directory, createHash('sha256').update(reference).digest('hex'));
  }
}

/** `undefined` for what is not a whole record: such a tag does not exist. */
function parseTagged(text: string): TaggedImage | undefined {
  try {
    const value = JSON.parse(text) as TaggedImage;
    const { reference, taggedAt, remote } = value;
    const whole =
      typeof reference === 'string' &&
      typeof taggedAt === 'string' &&
      (remote === undefined || isDigest(remote));
    return whole && value.images.length > 0 && value.images.every(isImage) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What was written of one image; `undefined` for what is not a whole record. */
export function parseStoredImage(text: string): StoredImage | undefined {
  try {
    const image = JSON.parse(text) as StoredImage;
    return isImage(image) ? image : undefined;
  } catch {
    return undefined;
  }
}

function isImage({ id, platform, layers, manifest }: StoredImage): boolean {
  const { os, architecture } = platform;
  return (
    isDigest(id) &&
    typeof os === 'string' &&
    typeof architecture === 'string' &&
    layers.every(isLayer) &&
    (manifest === undefined || isDescriptor(manifest))
  );
}

function isLayer(layer: StoredLayer): boolean {
  if (!isDigest(layer.diffId) || (layer.blob !== undefined && !isDescriptor(layer.blob))) return false;
  if (layer.layer === undefined) return isDescriptor(layer.blob);
  return isDigest(layer.layer) && Number.isSafeInteger(layer.size);
}

function isDescriptor(value: Descriptor | undefined): boolean {
  return typeof value?.mediaType === 'string' && isDigest(value.digest) && Number.isSafeInteger(value.size);
}
