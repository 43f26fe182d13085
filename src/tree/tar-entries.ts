import { createHash, type Hash, hash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { cleanMemberPath, type TarHandler, type TarMember, whiteoutOf } from '../tar/index.ts';
import type { ContentRef, Entry, Inode } from './entry.ts';
import { sortEntries } from './order.ts';

const MAX_ENTRIES = 5_000_000;
/** Digest of no bytes. */
const EMPTY = hash('sha256', '', 'hex');

/** Where the contents of a file are kept: its path, and where its data begins in the uncompressed tar. */
export type PlaceContent = (path: string, offset: number) => ContentRef;

/** Collects the members of a layer's tar as entries; digests contents on the way. */
export class TarEntries implements TarHandler {
  readonly #place: PlaceContent;
  /** Nodes and hard links: one of them is at a path. */
  readonly #nodes = new Map<string, Entry>();
  /** Whiteouts and opaque markers by kind and path; a path may have them beside a node. */
  readonly #marks = new Map<string, Entry>();
  #member: (TarMember & { readonly offset: number }) | undefined;
  /** Of a file that comes in several pieces. */
  #hash: Hash | undefined;
  /** Of one that came in one piece, hex. */
  #digest: string = EMPTY;

  constructor(place: PlaceContent) {
    this.#place = place;
  }

  /** In canonical order; of members with the same name the last counts. */
  entries(): Entry[] {
    return sortEntries([...this.#nodes.values(), ...this.#marks.values()]);
  }

  /** What stands at a path by now, whiteouts aside. */
  at(path: string): Entry | undefined {
    return this.#nodes.get(path);
  }

  onMember(member: TarMember & { readonly offset: number }): void {
    this.#member = member;
    this.#hash = undefined;
    this.#digest = EMPTY;
  }

  onData(piece: Uint8Array): void {
    // Most files are smaller than the pieces that an archive is read in: for them no digest is kept open
    if (piece.length === this.#member?.size) this.#digest = hash('sha256', piece, 'hex');
    else (this.#hash ??= createHash('sha256')).update(piece);
  }

  onMemberEnd(): void {
    const member = this.#member;
    if (member === undefined) return;
    const entry = this.#entryOf(member);
    if (entry === undefined) return;
    if (entry.kind === 'node' || entry.kind === 'hardlink') this.#nodes.set(entry.path, entry);
    else this.#marks.set(`${entry.kind} ${entry.path}`, entry);
    if (this.#nodes.size + this.#marks.size > MAX_ENTRIES) {
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
    const node = this.#node(path, member);
    if (path === '' && node.type !== 'dir') {
      throw new LapidaryError('TAR_INVALID', `the root of the archive is a ${member.type}, not a directory`);
    }
    return { kind: 'node', path, node };
  }

  #node(path: string, member: TarMember & { readonly offset: number }): Inode {
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = member;
    const plain = { mode, uid, gid, mtime, mtimeNs };
    const metadata = xattrs && xattrs.size > 0 ? { ...plain, xattrs } : plain;
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
        const digest = `sha256:${this.#hash?.digest('hex') ?? this.#digest}` as Digest;
        const content = this.#place(path, member.offset);
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
