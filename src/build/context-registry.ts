import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { IgnoreRules } from '../dockerfile/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { BuildContext } from '../solve/index.ts';
import { Tree } from '../tree/index.ts';
import { loadIgnore } from './dockerfile-file.ts';
import type { LocalStore } from './local-store.ts';
import type { NamedContext } from './named-contexts.ts';
import { openRemote, type RemotePorts } from './remote-files.ts';
import { TreeFiles } from './tree-files.ts';

export type ContextRegistryParts = RemotePorts & {
  readonly store: LocalStore;
  readonly main: () => Promise<BuildContext>;
  readonly contexts: ReadonlyMap<string, NamedContext>;
};

/** Opens the build contexts of one build, each once and only when something is copied from it. */
export class ContextRegistry {
  readonly #parts: ContextRegistryParts;
  readonly #open = new Map<string, Promise<BuildContext>>();

  constructor(parts: ContextRegistryParts) {
    this.#parts = parts;
  }

  /** `''` is the main context. */
  open(name: string): Promise<BuildContext> {
    const known = this.#open.get(name);
    if (known) return known;
    const opened = name === '' ? this.#parts.main() : this.#openNamed(name);
    this.#open.set(name, opened);
    return opened;
  }

  async #openNamed(name: string): Promise<BuildContext> {
    const named = this.#parts.contexts.get(name);
    if (named?.type === 'directory') return openLocalDirectory(named.path, this.#parts.store);
    if (named?.type === 'remote') return openRemoteContext(named.location, this.#parts);
    throw new LapidaryError('CONTEXT_UNREADABLE', `there is no build context ${quoted(name)}`);
  }
}

/** A directory as a build context, without what an ignore file excludes: default, its own. */
export async function openLocalDirectory(
  root: string,
  { statCaches }: Pick<LocalStore, 'statCaches'>,
  loading: Promise<IgnoreRules | undefined> = loadIgnore(root),
): Promise<BuildContext> {
  const [ignore, { openDirectoryContext }] = await Promise.all([loading, import('../context/index.ts')]);
  const cacheName = createHash('sha256').update(root).digest('hex').slice(0, 32);
  return openDirectoryContext(root, { ignore, statCacheFile: join(statCaches, cacheName) });
}

/** The files of a repository or an archive, or a single file by its own name. */
async function openRemoteContext(location: string, parts: ContextRegistryParts): Promise<BuildContext> {
  const content = await openRemote(location, parts);
  if (content.kind === 'tree') return content.files.open();
  const { name, file } = content;
  return new TreeFiles(Tree.of([[{ kind: 'node', path: name, node: file }]]), parts.store.layers).open();
}
