import { LapidaryError, quoted } from '../errors/index.ts';
import type { FileNode, Tree } from '../tree/index.ts';
import type { ByteSource, ElfObject } from './elf-object.ts';
import { readElf } from './read-elf.ts';
import { parseShebang, SHEBANG_BYTES, type Shebang } from './shebang.ts';

/** A filesystem whose programs are looked at. */
export interface Filesystem {
  readonly tree: Tree;
  open(file: FileNode): ByteSource;
}

/** A file, and the links that lead to it: all of them are needed for its name to work. Paths are relative and clean. */
export type Found = { readonly path: string; readonly node: FileNode; readonly links: readonly string[] };

const MAX_TEXT = 1 << 20;

/** What is read of a filesystem, each object once. */
export class ImageFiles {
  readonly tree: Tree;
  readonly #filesystem: Filesystem;
  readonly #objects = new Map<FileNode, Promise<ElfObject | undefined>>();

  constructor(filesystem: Filesystem) {
    this.tree = filesystem.tree;
    this.#filesystem = filesystem;
  }

  /** The file that an absolute path leads to; `undefined` when there is none, or something else. */
  find(path: string): Found | undefined {
    const { path: at, node, links } = this.resolve(path);
    return node?.inode.type === 'file' ? { path: at, node: node.inode, links } : undefined;
  }

  /** Where an absolute path leads; like the kernel's, an attempt that fails halfway is no more than nothing there. */
  resolve(path: string, options?: Parameters<Tree['resolve']>[1]): ReturnType<Tree['resolve']> {
    try {
      return this.tree.resolve(path, options);
    } catch (error) {
      // What the kernel says ENOTDIR or ELOOP to is not there for a loader
      if (error instanceof LapidaryError && (error.code === 'NOT_A_DIRECTORY' || error.code === 'PATH_LOOP'))
        return { path, node: undefined, links: [] };
      throw error;
    }
  }

  /** @throws LapidaryError ELF_INVALID with the path in its notes */
  object({ path, node }: Pick<Found, 'path' | 'node'>): Promise<ElfObject | undefined> {
    const known = this.#objects.get(node);
    if (known !== undefined) return known;
    const read = readElf(this.#filesystem.open(node)).catch((error: unknown) => {
      if (!(error instanceof LapidaryError)) throw error;
      throw new LapidaryError(error.code, `${quoted(`/${path}`)}: ${error.message}`, {
        hint: error.hint,
        cause: error,
      });
    });
    this.#objects.set(node, read);
    return read;
  }

  async shebang({ node }: Found): Promise<Shebang | undefined> {
    return parseShebang(await this.#filesystem.open(node).read(0, SHEBANG_BYTES));
  }

  /** A small text file; `undefined` when there is none, or one of more bytes than that. */
  async text(path: string, most: number = MAX_TEXT): Promise<string | undefined> {
    const found = this.find(path);
    if (found === undefined || found.node.size > most) return undefined;
    return Buffer.from(await this.#filesystem.open(found.node).read(0, found.node.size)).toString('utf8');
  }
}
