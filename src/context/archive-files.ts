import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobStore } from '../solve/index.ts';
import { cleanMemberPath, type TarMember } from '../tar/index.ts';
import { archiveEvents, MemberData } from './archive-events.ts';
import {
  type ExpectedBlob,
  expectBlob,
  type ImageFiles,
  mismatch,
  missingFile,
  type PutBlob,
  putVerified,
  tooLarge,
} from './image-archive-files.ts';

/** Members up to this size are held in memory, unless they are blobs. */
const MAX_HELD = 1024 * 1024;
const MAX_HELD_TOTAL = 64 * 1024 * 1024;
const MAX_MEMBERS = 100_000;
const MAX_LINKS = 16;
const LAYOUT_BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;

type ArchiveFile =
  | { readonly kind: 'held'; readonly bytes: Uint8Array }
  | { readonly kind: 'stored'; readonly blob: PutBlob }
  | { readonly kind: 'link'; readonly target: string };

export type ArchiveOptions = {
  readonly name: string;
  readonly blobs: BlobStore;
  readonly signal: AbortSignal | undefined;
};

/**
 * An image archive, read once from beginning to end: blobs and large members go to the blob store while they pass,
 * small ones stay in memory. So an archive can come from a pipe, and needs no copy of itself.
 */
export class ArchiveFiles implements ImageFiles {
  readonly name: string;
  readonly #blobs: BlobStore;
  readonly #signal: AbortSignal | undefined;
  readonly #files = new Map<string, ArchiveFile>();
  #held = 0;

  private constructor({ name, blobs, signal }: ArchiveOptions) {
    this.name = name;
    this.#blobs = blobs;
    this.#signal = signal;
  }

  /**
   * Reads a whole uncompressed tar.
   * @throws LapidaryError TAR_INVALID for an archive that is damaged, too large or unsafe; DIGEST_MISMATCH when a blob
   * does not have the digest it is named by
   */
  static async load(source: AsyncIterable<Uint8Array>, options: ArchiveOptions): Promise<ArchiveFiles> {
    const files = new ArchiveFiles(options);
    const events = archiveEvents(source);
    try {
      for (;;) {
        options.signal?.throwIfAborted();
        const { done, value } = await events.next();
        if (done) return files;
        if (value.kind !== 'member') continue;
        const data = new MemberData(events);
        await files.#take(value.member, data);
        await data.drain();
      }
    } finally {
      await events.return();
    }
  }

  has(path: string): Promise<boolean> {
    return Promise.resolve(this.#find(path) !== undefined);
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array> {
    const file = this.#get(path);
    const size = file.kind === 'held' ? file.bytes.length : file.blob.size;
    if (size > maxBytes) throw tooLarge(this, path, maxBytes);
    return file.kind === 'held' ? file.bytes : this.#blobs.readBytes(file.blob.digest);
  }

  async toBlob(path: string, expect?: ExpectedBlob): Promise<PutBlob> {
    const file = this.#get(path);
    try {
      return expectBlob(file.kind === 'held' ? await this.#blobs.putBytes(file.bytes) : file.blob, expect);
    } catch (error) {
      throw mismatch(this, path, error);
    }
  }

  async #take(member: TarMember, data: MemberData): Promise<void> {
    const path = cleanMemberPath(member.path);
    const file = await this.#fileOf(path, member, data);
    if (file === undefined) return;
    if (this.#files.size >= MAX_MEMBERS) throw this.#unsafe(`it has more than ${MAX_MEMBERS} members`);
    this.#files.set(path, file);
  }

  async #fileOf(path: string, member: TarMember, data: MemberData): Promise<ArchiveFile | undefined> {
    switch (member.type) {
      case 'dir':
        return undefined;
      case 'file':
        return this.#keep(path, member.size, data);
      case 'symlink':
      case 'hardlink':
        return { kind: 'link', target: this.#linkTarget(path, member) };
      default:
        throw this.#unsafe(`member ${quoted(path)} is a ${member.type}, an image archive holds files only`);
    }
  }

  async #keep(path: string, size: number, data: MemberData): Promise<ArchiveFile> {
    const hex = LAYOUT_BLOB.exec(path)?.[1];
    if (hex !== undefined) {
      return {
        kind: 'stored',
        blob: await this.#put(path, data, { digest: `sha256:${hex}` as Digest, size }),
      };
    }
    if (size > MAX_HELD) return { kind: 'stored', blob: await this.#put(path, data) };
    this.#held += size;
    if (this.#held > MAX_HELD_TOTAL)
      throw this.#unsafe(`its small members have more than ${MAX_HELD_TOTAL} bytes`);
    const pieces: Uint8Array[] = [];
    for await (const piece of data.read()) pieces.push(piece);
    return { kind: 'held', bytes: Buffer.concat(pieces) };
  }

  async #put(path: string, data: MemberData, expect?: ExpectedBlob): Promise<PutBlob> {
    try {
      return await putVerified(this.#blobs, data.read(), { expect, signal: this.#signal });
    } catch (error) {
      throw mismatch(this, path, error);
    }
  }

  /** A symbolic link is relative to its own folder, as in archives of Docker before 25; a hard link to the root. */
  #linkTarget(path: string, { type, link = '' }: TarMember): string {
    if (type === 'hardlink') return cleanMemberPath(link);
    const components = link.startsWith('/') ? [] : path.split('/').slice(0, -1);
    for (const component of link.split('/')) {
      if (component === '..' && components.pop() === undefined) {
        throw this.#unsafe(`member ${quoted(path)} is a link to ${quoted(link)}, outside of the archive`);
      }
      if (component !== '..' && component !== '.' && component !== '') components.push(component);
    }
    return components.join('/');
  }

  #find(path: string): Exclude<ArchiveFile, { kind: 'link' }> | undefined {
    let at = cleanMemberPath(path);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const file = this.#files.get(at);
      if (file?.kind !== 'link') return file;
      at = file.target;
    }
    throw this.#unsafe(`member ${quoted(path)} is a link that leads in a circle`);
  }

  #get(path: string): Exclude<ArchiveFile, { kind: 'link' }> {
    const file = this.#find(path);
    if (file !== undefined) return file;
    throw missingFile(this, path);
  }

  #unsafe(reason: string): LapidaryError {
    return new LapidaryError('TAR_INVALID', `${quoted(this.name)} is not a usable image archive: ${reason}`);
  }
}
