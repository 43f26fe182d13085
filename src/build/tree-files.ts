import { type IgnoreRules, parseIgnore } from '../dockerfile/index.ts';
import { type ErrorCode, LapidaryError, quoted } from '../errors/index.ts';
import type { BuildContext, LayerStore } from '../solve/index.ts';
import type { Tree } from '../tree/index.ts';

/** Larger than any Dockerfile or ignore file that means well. */
export const MAX_TEXT: number = 4 * 1024 * 1024;

/** A build context that is in the store already: the files of an archive or a repository. */
export class TreeFiles {
  readonly #tree: Tree;
  readonly #layers: Pick<LayerStore, 'readContent'>;

  constructor(tree: Tree, layers: Pick<LayerStore, 'readContent'>) {
    this.#tree = tree;
    this.#layers = layers;
  }

  /** A small text, links followed; `undefined` when there is no such file. @throws LapidaryError with `code` */
  async readText(path: string, code: ErrorCode): Promise<string | undefined> {
    const inode = this.#tree.resolve(path).node?.inode;
    if (inode === undefined) return undefined;
    if (inode.type !== 'file')
      throw new LapidaryError(code, `${quoted(path)} of the build context is not a file`);
    if (inode.size > MAX_TEXT) {
      throw new LapidaryError(
        code,
        `${quoted(path)} has ${inode.size} bytes, more than the ${MAX_TEXT} that are read`,
      );
    }
    return new TextDecoder().decode(await this.#layers.readContent(inode));
  }

  /** Names in a directory, sorted; `undefined` when there is no such directory. */
  list(path: string): readonly string[] | undefined {
    const { node } = this.#tree.resolve(path);
    return node?.children && [...node.children.keys()].sort();
  }

  /** The ignore file's rules: those of the Dockerfile, else those of the context, else `fallback`. @throws LapidaryError PATTERN_INVALID */
  async ignore(dockerfile?: string, fallback?: string): Promise<IgnoreRules | undefined> {
    const code = 'CONTEXT_UNREADABLE';
    const own = dockerfile && (await this.readText(`${dockerfile}.dockerignore`, code));
    const text = own ?? (await this.readText('.dockerignore', code)) ?? fallback;
    return text === undefined ? undefined : parseIgnore(text);
  }

  /** All but what those rules exclude. */
  async open(dockerfile?: string, fallback?: string): Promise<BuildContext> {
    const { openTreeContext } = await import('../context/index.ts');
    return openTreeContext(this.#tree, await this.ignore(dockerfile, fallback));
  }
}
