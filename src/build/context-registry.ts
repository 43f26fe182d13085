import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openDirectoryContext } from '../context/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { BuildContext } from '../solve/index.ts';
import { loadIgnore } from './dockerfile-file.ts';
import type { LocalStore } from './local-store.ts';
import type { NamedContext } from './named-contexts.ts';

/** Opens the build contexts of one build, each once and only when something is copied from it. */
export class ContextRegistry {
  readonly #store: LocalStore;
  readonly #main: string;
  readonly #dockerfilePath: string | undefined;
  readonly #contexts: ReadonlyMap<string, NamedContext>;
  readonly #open = new Map<string, Promise<BuildContext>>();

  constructor(parts: {
    readonly store: LocalStore;
    readonly main: string;
    readonly dockerfilePath: string | undefined;
    readonly contexts: ReadonlyMap<string, NamedContext>;
  }) {
    this.#store = parts.store;
    this.#main = parts.main;
    this.#dockerfilePath = parts.dockerfilePath;
    this.#contexts = parts.contexts;
  }

  /** `''` is the main context. */
  open(name: string): Promise<BuildContext> {
    const known = this.#open.get(name);
    if (known) return known;
    const opened = this.#openDirectory(name);
    this.#open.set(name, opened);
    return opened;
  }

  async #openDirectory(name: string): Promise<BuildContext> {
    const named = this.#contexts.get(name);
    if (name !== '' && named?.type !== 'directory') {
      throw new LapidaryError('CONTEXT_UNREADABLE', `there is no build context ${quoted(name)}`);
    }
    const root = named?.type === 'directory' ? named.path : this.#main;
    const ignore = await loadIgnore(root, name === '' ? this.#dockerfilePath : undefined);
    const cacheName = createHash('sha256').update(root).digest('hex').slice(0, 32);
    return openDirectoryContext(root, { ignore, statCacheFile: join(this.#store.statCaches, cacheName) });
  }
}
