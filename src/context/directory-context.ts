import { type BigIntStats, statSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { CAPABILITY, type CapabilityReader, openCapabilityReader } from '../host/index.ts';
import { sha256 } from '../oci/index.ts';
import { type BuildContext, inTurns, nextTurn, turnIsOver } from '../solve/index.ts';
import { decodePathText } from '../tar/index.ts';
import { type Entry, type FileNode, type Inode, Tree } from '../tree/index.ts';
import { deviceNumbers, directoryNode, metadataOf } from './directory-metadata.ts';
import { fingerprint } from './fingerprint.ts';
import { HostDirectory } from './host-directory.ts';
import { digestFile } from './read-file.ts';
import { type FileStamp, StatCache, stampOf } from './stat-cache.ts';

/** What `.dockerignore` says; see `parseIgnore`. */
export type ContextRules = {
  /** Equal texts are equal rules; without one they cannot be told apart. */
  readonly text?: string;
  match(path: string): boolean;
  canSkipDirectory(path: string): boolean;
};

export type DirectoryContextOptions = {
  readonly ignore: ContextRules | undefined;
  /** File in which the digests of unchanged files are remembered. */
  readonly statCacheFile: string;
};

/**
 * The files below a directory as a build context. Owners are 0:0, links are kept as links, sockets are empty files. Of
 * extended attributes only file capabilities are kept: all that BuildKit puts into an image.
 * @throws LapidaryError CONTEXT_UNREADABLE when it is no directory
 */
export function openDirectoryContext(root: string, options: DirectoryContextOptions): Promise<BuildContext> {
  return Promise.try(() => {
    const found = statSync(root, { throwIfNoEntry: false });
    if (found?.isDirectory()) return new DirectoryContext(root, options);
    const what = found === undefined ? 'does not exist' : 'is not a directory';
    throw new LapidaryError('CONTEXT_UNREADABLE', `the build context ${quoted(root)} ${what}`, {
      hint: 'name the directory that holds the files to build from',
    });
  });
}

const EMPTY = {
  size: 0,
  digest: sha256(''),
  content: { kind: 'bytes', bytes: new Uint8Array() },
} as const satisfies Partial<FileNode>;

/** Links on the way to one path; as many as the tree itself follows. */
const MAX_LINKS = 255;

class DirectoryContext implements BuildContext {
  readonly #root: string;
  readonly #directory: HostDirectory;
  readonly #ignore: ContextRules | undefined;
  readonly #cacheFile: string;
  #cache: Promise<StatCache> | undefined;
  readonly #stamps = new WeakMap<Inode, FileStamp>();
  readonly #links = new Map<string, Inode>();
  readonly #entries = new Map<string, Entry>();
  /** Entries that are not in `#tree` yet. */
  readonly #fresh: Entry[] = [];
  #tree = Tree.empty;
  #scanning: Promise<unknown> = Promise.resolve();
  readonly #scanned = new Set<string>();
  #capability: CapabilityReader | undefined;

  constructor(root: string, { ignore, statCacheFile }: DirectoryContextOptions) {
    this.#root = root;
    this.#directory = new HostDirectory(root);
    this.#ignore = ignore;
    this.#cacheFile = statCacheFile;
  }

  /** One at a time: a directory that is just being scanned counts as scanned. */
  scan(paths: readonly string[]): Promise<Tree> {
    const scanned = this.#scanning.then(() => this.#scan(paths));
    this.#scanning = scanned.catch(() => undefined);
    return scanned;
  }

  async #scan(paths: readonly string[]): Promise<Tree> {
    this.#capability ??= await openCapabilityReader();
    for (const path of paths) await this.#reach(path);
    if (this.#fresh.length > 0) this.#tree = await inTurns(this.#tree.applySteps(this.#fresh.splice(0)));
    return this.#tree;
  }

  async fingerprint(paths: readonly string[]): Promise<string | undefined> {
    const rules = this.#ignore;
    if (rules !== undefined && rules.text === undefined) return undefined;
    const found = await fingerprint(this.#root, paths, {
      canSkipDirectory: (path) => rules?.canSkipDirectory(path) ?? false,
      nowMs: Date.now(),
    });
    return found === undefined ? undefined : JSON.stringify([this.#root, rules?.text ?? null, found]);
  }

  async digest(files: readonly FileNode[]): Promise<readonly FileNode[]> {
    const done: FileNode[] = [];
    this.#cache ??= StatCache.open(this.#cacheFile);
    const cache = await this.#cache;
    for (const file of files) {
      if (file.content.kind === 'bytes') {
        done.push(file);
        continue;
      }
      const stamp = this.#stamps.get(file);
      if (stamp === undefined) throw new Error('a file of another context');
      const digest = cache.get(stamp) ?? (await readInto(cache, file, stamp));
      done.push({ ...file, digest });
      if (turnIsOver()) await nextTurn();
    }
    await cache.save();
    return done;
  }

  /** Goes down to a path name by name, through links, and takes in everything below it. */
  async #reach(path: string): Promise<void> {
    const todo = components(path).reverse();
    const at: string[] = [];
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop() ?? '';
      if (name === '..') {
        at.pop();
        continue;
      }
      at.push(name);
      const inode = this.#add(at.join('/'));
      if (inode === undefined) return;
      if (inode.type !== 'symlink') continue;
      links += 1;
      if (links > MAX_LINKS) return;
      if (inode.target.startsWith('/')) at.length = 0;
      else at.pop();
      todo.push(...components(inode.target).reverse());
    }
    await this.#scanBelow(at.join('/'));
  }

  async #scanBelow(directory: string): Promise<void> {
    if (this.#scanned.has(directory)) return;
    this.#scanned.add(directory);
    if (directory !== '' && this.#inodeAt(directory)?.type !== 'dir') return;
    for (const name of this.#directory.list(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const inode = this.#add(path);
      if (inode?.type === 'dir' && !this.#ignore?.canSkipDirectory(path)) await this.#scanBelow(path);
      if (turnIsOver()) await nextTurn();
    }
  }

  #inodeAt(path: string): Inode | undefined {
    const entry = this.#entries.get(path);
    if (entry?.kind === 'node') return entry.node;
    // An excluded directory is not in the tree unless something below it is, but may have to be walked
    const stats = this.#directory.lstat(path);
    return stats?.isDirectory() ? directoryNode(stats) : undefined;
  }

  /** Looks at one path and remembers it unless it is excluded. */
  #add(path: string): Inode | undefined {
    const known = this.#entries.get(path);
    if (known?.kind === 'node') return known.node;
    const stats = this.#directory.lstat(path);
    const inode = stats && this.#inode(path, stats);
    if (inode === undefined) return undefined;
    if (!this.#ignore?.match(path)) {
      this.#remember({ kind: 'node', path, node: inode });
      this.#addAbove(path);
    }
    return inode;
  }

  /** The directories above something that is not excluded are not either, and keep their modes. */
  #addAbove(path: string): void {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      if (this.#entries.has(above)) return;
      const stats = this.#directory.lstat(above);
      if (stats?.isDirectory()) this.#remember({ kind: 'node', path: above, node: directoryNode(stats) });
    }
  }

  #remember(entry: Entry): void {
    this.#entries.set(entry.path, entry);
    this.#fresh.push(entry);
  }

  #inode(path: string, stats: BigIntStats): Inode | undefined {
    const metadata = metadataOf(stats);
    if (stats.isDirectory()) return directoryNode(stats);
    if (stats.isFile()) return this.#file(path, stats);
    if (stats.isSymbolicLink()) {
      return { type: 'symlink', ...metadata, mode: 0o777, target: this.#directory.readlink(path) };
    }
    if (stats.isFIFO()) return { type: 'fifo', ...metadata };
    if (stats.isSocket()) return { type: 'file', ...metadata, ...EMPTY };
    const type = stats.isBlockDevice() ? 'block' : 'char';
    return { type, ...metadata, ...deviceNumbers(stats.rdev) };
  }

  #file(path: string, stats: BigIntStats): Inode {
    const linkKey = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
    const known = linkKey === undefined ? undefined : this.#links.get(linkKey);
    if (known) return known;
    const host = decodePathText(this.#directory.host(path));
    const content = { kind: 'host', path: host } as const;
    const capability = this.#capability?.(this.#directory.host(path));
    const node: FileNode = {
      type: 'file',
      ...metadataOf(stats),
      size: Number(stats.size),
      content,
      ...(capability === undefined ? {} : { xattrs: new Map([[CAPABILITY, capability]]) }),
    };
    this.#stamps.set(node, stampOf(stats));
    if (linkKey !== undefined) this.#links.set(linkKey, node);
    return node;
  }
}

async function readInto(
  cache: StatCache,
  { content, size }: FileNode,
  stamp: FileStamp,
): ReturnType<typeof digestFile> {
  if (content.kind !== 'host') throw new Error('a file of another context');
  const readAtMs = Date.now();
  const digest = await digestFile(content.path, size);
  cache.put(stamp, digest, readAtMs);
  return digest;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
