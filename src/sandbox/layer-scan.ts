import { cleanMemberPath, type TarHandler, type TarMember, whiteoutOf } from '../tar/index.ts';
import type { Entry, TarEntries } from '../tree/index.ts';
import { parentOf } from './host-path.ts';
import type { TreePlan } from './tree-plan.ts';
import { OpList, type Ops } from './unpack-ops.ts';

/**
 * A layer whose tar must be seen as a whole before anything of it can be made: it names a path twice, or has
 * something below what is no directory. No fault of the layer; it is unpacked from its table instead.
 */
export class IrregularLayer extends Error {
  override readonly name = 'IrregularLayer';
}

/** What one of several makers has to do, by its number. */
export type Share = { readonly maker: number; readonly ops: Ops };

/**
 * Says what has to be made while a layer's tar is read: each file once, in its final place, and before it every
 * directory above it. Every path is made of directories that were made by this very layer, so
 * nothing can be reached through a link. All else of the layer is left to who has seen the whole of it.
 *
 * Several makers may share the work, each doing its own in order: a file is the matter of one of them, and each is told
 * of all directories that it needs, which another may have made before.
 */
export class LayerScan implements TarHandler {
  readonly #entries: TarEntries;
  /** Of the layer, and by maker. */
  readonly #directories = new Set(['']);
  readonly #known: Set<string>[] = [];
  #maker = 0;
  /** Who goes on when the file at work ends. */
  #next = 0;
  readonly #ops = new OpList();
  #shares: Share[] = [];
  #piece: Uint8Array = new Uint8Array();
  /** Where the last file went: the next one mostly goes there too. */
  #parent = '';
  /** Whether the member at work is a file that is made. */
  #isMade = false;

  constructor(entries: TarEntries) {
    this.#entries = entries;
  }

  /** Directories that hold files, and those above them; `''` is the root. */
  get directories(): ReadonlySet<string> {
    return this.#directories;
  }

  /**
   * What to make of what `read` pushes, with offsets into `piece`, and by whom: `maker`, but for a file that another has
   * begun.
   */
  scan(piece: Uint8Array, maker: number, read: () => void): readonly Share[] {
    this.#piece = piece;
    this.#next = maker;
    if (!this.#isMade) this.#handOver();
    read();
    this.#share();
    const shares = this.#shares;
    this.#shares = [];
    return shares;
  }

  /**
   * Call when the whole tar was read, with its entries and their plan.
   * @throws IrregularLayer when what was made is not what the plan wants
   */
  check(entries: readonly Entry[], plan: TreePlan): void {
    for (const { kind, path } of entries) {
      if (kind === 'node' && this.#isFile(path) && plan.nodes.get(path)?.type !== 'file')
        throw new IrregularLayer(path);
    }
  }

  onMember(member: TarMember & { readonly offset: number }): void {
    const path = cleanMemberPath(member.path);
    // Whatever came first was made already, and cannot be replaced by what comes now
    if (this.#isFile(path) || (member.type !== 'dir' && this.#directories.has(path)))
      throw new IrregularLayer(path);
    this.#entries.onMember(member);
    this.#isMade = member.type === 'file' && path !== '' && whiteoutOf(path) === undefined;
    if (!this.#isMade) return;
    const parent = parentOf(path);
    if (parent !== this.#parent) this.#directory(parent);
    this.#parent = parent;
    this.#ops.open(path, member);
  }

  /** Whether a file was made there. */
  #isFile(path: string): boolean {
    const entry = this.#entries.at(path);
    return entry?.kind === 'node' && entry.node.type === 'file';
  }

  onData(data: Uint8Array): void {
    this.#entries.onData(data);
    if (this.#isMade) this.#ops.write(data.byteOffset - this.#piece.byteOffset, data.length);
  }

  onMemberEnd(): void {
    this.#entries.onMemberEnd();
    if (!this.#isMade) return;
    this.#ops.close();
    this.#isMade = false;
    this.#handOver();
  }

  #handOver(): void {
    if (this.#maker === this.#next) return;
    this.#share();
    this.#maker = this.#next;
    this.#parent = '';
  }

  #share(): void {
    if (!this.#ops.isEmpty) this.#shares.push({ maker: this.#maker, ops: this.#ops.take() });
  }

  #directory(path: string): void {
    this.#known[this.#maker] ??= new Set(['']);
    if (this.#known[this.#maker]?.has(path)) return;
    if (this.#isFile(path)) throw new IrregularLayer(path);
    this.#directory(parentOf(path));
    this.#ops.directory(path);
    this.#known[this.#maker]?.add(path);
    this.#directories.add(path);
  }
}
