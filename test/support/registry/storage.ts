import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export type StoredManifest = { readonly bytes: Buffer; readonly mediaType: string };
export type Repository = {
  readonly blobs: Set<string>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
};
export type Upload = {
  readonly name: string;
  readonly path: string;
  size: number;
  /** sha256 of the first `hashed` bytes, so that a large blob need not be read again. */
  readonly hash: Hash;
  hashed: number;
  /** Of the only location that may be written to; every answer gives another one. */
  state: number;
};

/** Blobs are files in a temporary directory, shared by all repositories; manifests and tags are in memory. */
export class Storage implements AsyncDisposable {
  readonly repositories: Map<string, Repository> = new Map();
  readonly uploads: Map<string, Upload> = new Map();
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(): Promise<Storage> {
    return new Storage(await mkdtemp(join(tmpdir(), 'lapidary-registry-')));
  }

  repository(name: string): Repository {
    const known = this.repositories.get(name);
    if (known !== undefined) return known;
    const made: Repository = { blobs: new Set(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, made);
    return made;
  }

  pathOf(digest: string): string {
    return join(this.#dir, digest.replace(':', '-'));
  }

  async sizeOf(digest: string): Promise<number> {
    return (await stat(this.pathOf(digest))).size;
  }

  /** Puts a blob into a repository past the protocol. */
  async addBlob(name: string, bytes: Uint8Array): Promise<string> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await writeFile(this.pathOf(digest), bytes);
    this.repository(name).blobs.add(digest);
    return digest;
  }

  async openUpload(name: string, id: string): Promise<Upload> {
    const path = join(this.#dir, `upload-${id}`);
    const upload: Upload = { name, path, size: 0, hash: createHash('sha256'), hashed: 0, state: 0 };
    await writeFile(upload.path, '');
    this.uploads.set(id, upload);
    return upload;
  }

  async append(upload: Upload, body: Readable): Promise<void> {
    try {
      await pipeline(
        body,
        (chunks) => hashed(upload, chunks),
        createWriteStream(upload.path, { flags: 'a' }),
      );
    } finally {
      // What came before a connection was lost stays.
      upload.size = (await stat(upload.path)).size;
    }
  }

  /** Makes an upload a blob when it has this digest; else leaves it as it is and returns false. */
  async commit(id: string, digest: string): Promise<boolean> {
    const upload = this.uploads.get(id);
    if (upload === undefined) return false;
    if ((await digestOf(upload, digest.split(':')[0])) !== digest) return false;
    await rename(upload.path, this.pathOf(digest));
    this.uploads.delete(id);
    this.repository(upload.name).blobs.add(digest);
    return true;
  }

  async abandon(id: string): Promise<void> {
    const upload = this.uploads.get(id);
    this.uploads.delete(id);
    if (upload !== undefined) await rm(upload.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function* hashed(upload: Upload, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    upload.hash.update(chunk);
    upload.hashed += chunk.length;
    yield chunk;
  }
}

async function digestOf({ path, size, hash, hashed }: Upload, algorithm = ''): Promise<string> {
  if (algorithm === 'sha256' && hashed === size) return `sha256:${hash.copy().digest('hex')}`;
  const again = createHash(algorithm);
  await pipeline(createReadStream(path), again);
  return `${algorithm}:${again.digest('hex')}`;
}
