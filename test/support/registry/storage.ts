import { createHash } from 'node:crypto';
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
    const upload: Upload = { name, path: join(this.#dir, `upload-${id}`), size: 0, state: 0 };
    await writeFile(upload.path, '');
    this.uploads.set(id, upload);
    return upload;
  }

  async append(upload: Upload, body: Readable): Promise<void> {
    try {
      await pipeline(body, createWriteStream(upload.path, { flags: 'a' }));
    } finally {
      // What came before a connection was lost stays.
      upload.size = (await stat(upload.path)).size;
    }
  }

  /** Makes an upload a blob when it has this digest; else leaves it as it is and returns false. */
  async commit(id: string, digest: string): Promise<boolean> {
    const upload = this.uploads.get(id);
    if (upload === undefined) return false;
    const [algorithm = ''] = digest.split(':');
    const hash = createHash(algorithm);
    await pipeline(createReadStream(upload.path), hash);
    if (`${algorithm}:${hash.digest('hex')}` !== digest) return false;
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
