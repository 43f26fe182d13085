import { createHash, type Hash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { cleanMemberPath, type TarHandler, type TarMember, whiteoutOf } from '../tar/index.ts';
import { type Entry, type Inode, sortEntries } from '../tree/index.ts';

const MAX_ENTRIES = 5_000_000;

/** Collects the members of a layer's tar as entries whose contents are byte ranges of a pack. */
export class TarEntries implements TarHandler {
  readonly #pack: string;
  readonly #entries = new Map<string, Entry>();
  #member: (TarMember & { readonly offset: number }) | undefined;
  #hash: Hash | undefined;

  /** `pack` is what the whole uncompressed tar will be called in the store. */
  constructor(pack: string) {
    this.#pack = pack;
  }

  /** In canonical order; of members with the same name the last counts. */
  entries(): Entry[] {
    return sortEntries([...this.#entries.values()]);
  }

  onMember(member: TarMember & { readonly offset: number }): void {
    this.#member = member;
    this.#hash = member.type === 'file' ? createHash('sha256') : undefined;
  }

  onData(piece: Uint8Array): void {
    this.#hash?.update(piece);
  }

  onMemberEnd(): void {
    const member = this.#member;
    if (member === undefined) return;
    const entry = this.#entryOf(member);
    if (entry === undefined) return;
    const slot = entry.kind === 'hardlink' ? 'node' : entry.kind;
    const key = `${slot} ${entry.path}`;
    this.#entries.set(key, entry);
    if (this.#entries.size > MAX_ENTRIES) {
      throw new LapidaryError('TAR_INVALID', `the archive has more than ${MAX_ENTRIES} members`);
    }
  }

  #entryOf(member: TarMember & { readonly offset: number }): Entry | undefined {
    const path = cleanMemberPath(member.path);
    const whiteout = whiteoutOf(path);
    if (whiteout !== undefined) {
      return whiteout.kind === 'ignored' ? undefined : { kind: whiteout.kind, path: whiteout.path };
    }
    if (member.type === 'hardlink') return hardlink(path, member.link ?? '');
    const node = this.#node(member);
    if (path === '' && node.type !== 'dir') {
      throw new LapidaryError('TAR_INVALID', `the root of the archive is a ${member.type}, not a directory`);
    }
    return { kind: 'node', path, node };
  }

  #node(member: TarMember & { readonly offset: number }): Inode {
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = member;
    const metadata = { mode, uid, gid, mtime, mtimeNs, ...(xattrs && xattrs.size > 0 ? { xattrs } : {}) };
    switch (member.type) {
      case 'dir':
      case 'fifo':
        return { type: member.type, ...metadata };
      case 'symlink':
        return { type: 'symlink', ...metadata, target: member.link ?? '' };
      case 'char':
      case 'block':
        return { type: member.type, ...metadata, major: member.major ?? 0, minor: member.minor ?? 0 };
      default: {
        const digest = `sha256:${this.#hash?.digest('hex') ?? ''}` as Digest;
        const content = { kind: 'pack', pack: this.#pack, offset: member.offset } as const;
        return { type: 'file', ...metadata, size: member.size, digest, content };
      }
    }
  }
}

function hardlink(path: string, link: string): Entry {
  const target = cleanMemberPath(link);
  if (target !== path && target !== '') return { kind: 'hardlink', path, target };
  throw new LapidaryError('TAR_INVALID', `the hard link ${quoted(path)} names itself or the root`);
}
