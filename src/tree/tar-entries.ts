import { createHash, type Hash, hash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { cleanMemberPath, type TarHandler, type TarMember, whiteoutOf } from '../tar/index.ts';
import type { ContentRef, Entry, Inode } from './entry.ts';
import { compareEntries, sortEntries } from './order.ts';
import { eachStep, mapSteps, type Steps, sortSteps } from './steps.ts';

const MAX_ENTRIES = 5_000_000;
/** Digest of no bytes. */
const EMPTY = hash('sha256', '', 'hex');

/** Where the contents of a file are kept: its path, and where its data begins in the uncompressed tar. */
export type PlaceContent = (path: string, offset: number) => ContentRef;

type NodeEntry = Extract<Entry, { kind: 'node' }>;
type LinkEntry = Extract<Entry, { kind: 'hardlink' }>;

/** What stands at a path by now. */
type Standing = {
  readonly entry: NodeEntry | LinkEntry;
  /** When it came: members are counted from 1. */
  readonly turn: number;
  /** The member that it is or is a name of; absent for a hard link to something below this layer. */
  readonly file: NodeEntry | undefined;
};

/** Collects the members of a layer's tar as entries; digests contents on the way. */
export class TarEntries implements TarHandler {
  readonly #place: PlaceContent;
  /** Nodes and hard links: one of them is at a path. */
  readonly #nodes = new Map<string, Standing>();
  /** Whiteouts and opaque markers by kind and path; a path may have them beside a node. */
  readonly #marks = new Map<string, Entry>();
  /** Paths that were something else than a directory for a while, and until when. */
  readonly #gone = new Map<string, number>();
  #turn = 0;
  #member: (TarMember & { readonly offset: number }) | undefined;
  /** Of a file that comes in several pieces. */
  #hash: Hash | undefined;
  /** Of one that came in one piece, hex. */
  #digest: string = EMPTY;

  constructor(place: PlaceContent) {
    this.#place = place;
  }

  /** In canonical order: what is there when all members were unpacked one after another. */
  *entries(): Steps<readonly Entry[]> {
    const standing = yield* this.#standing();
    const homes = new Map<NodeEntry, string>();
    yield* eachStep(standing, ({ entry }) => {
      if (entry.kind === 'node') homes.set(entry, entry.path);
    });
    const entries = yield* mapSteps(standing, (one): Entry => {
      const { entry, file } = one;
      if (entry.kind === 'node' || file === undefined || this.#isAhead(one, entry.target)) return entry;
      const home = homes.get(file);
      if (home !== undefined) return { ...entry, target: home };
      // The name that it was a link to is gone: the first of the others takes the file over
      homes.set(file, entry.path);
      return movedTo(entry.path, file);
    });
    return yield* sortEntries(this.#marks.size === 0 ? entries : [...entries, ...this.#marks.values()]);
  }

  /** What stands at a path by now, whiteouts aside. */
  at(path: string): Entry | undefined {
    return this.#nodes.get(path)?.entry;
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
    if (entry.kind === 'node' || entry.kind === 'hardlink') this.#put(entry);
    else this.#marks.set(`${entry.kind} ${entry.path}`, entry);
    if (this.#nodes.size + this.#marks.size > MAX_ENTRIES) {
      throw new LapidaryError('TAR_INVALID', `the archive has more than ${MAX_ENTRIES} members`);
    }
  }

  #put(entry: NodeEntry | LinkEntry): void {
    const { path } = entry;
    this.#turn += 1;
    const old = this.#nodes.get(path);
    // What was below either of the two before is not below what comes
    if (old !== undefined && !isDirectory(entry)) this.#gone.set(path, this.#turn);
    else if (old !== undefined && !isDirectory(old.entry)) this.#gone.set(path, old.turn);
    const file = entry.kind === 'node' ? entry : this.#nodes.get(entry.target)?.file;
    this.#nodes.set(path, { entry, turn: this.#turn, file });
  }

  /** Whether the target of a link is the same file still, by a name that does not depend on this one. */
  #isAhead({ file, turn }: Standing, target: string): boolean {
    const at = this.#nodes.get(target);
    return at !== undefined && at.file === file && at.turn < turn;
  }

  /** In canonical order, without what was below something that is no directory by now, or was none in between. */
  *#standing(): Steps<readonly Standing[]> {
    const all = yield* sortSteps([...this.#nodes.values()], (a, b) => compareEntries(a.entry, b.entry));
    let i = 0;
    yield* eachStep(all, ({ entry, turn }) => {
      const after = all[++i]?.entry.path;
      if (isDirectory(entry) || this.#gone.has(entry.path)) return;
      if (after?.startsWith(`${entry.path}/`)) this.#gone.set(entry.path, turn);
    });
    if (this.#gone.size === 0) return all;
    const left: Standing[] = [];
    yield* eachStep(all, (one) => {
      if (this.#isGone(one.entry.path, one.turn)) this.#nodes.delete(one.entry.path);
      else left.push(one);
    });
    return left;
  }

  #isGone(path: string, turn: number): boolean {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (turn < (this.#gone.get(path.slice(0, end)) ?? 0)) return true;
    }
    return false;
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

const isDirectory = (entry: Entry): boolean => entry.kind === 'node' && entry.node.type === 'dir';

/** A file under another of its names, where it is found too when it is kept by name. */
function movedTo(path: string, { node }: NodeEntry): NodeEntry {
  if (node.type !== 'file' || node.content.kind !== 'tree') return { kind: 'node', path, node };
  return { kind: 'node', path, node: { ...node, content: { ...node.content, path } } };
}
