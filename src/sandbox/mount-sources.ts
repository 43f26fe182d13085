import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { CacheDirectory } from './cache-directory.ts';
import { below, hostPath } from './host-path.ts';
import { MemoryDirectory } from './memory-directory.ts';
import type { MountPoint } from './mount-point.ts';
import { OverlayMount } from './overlay.ts';
import type { OrderMount, RunOrder } from './protocol.ts';
import type { RunContext } from './run.ts';
import { SshKeys } from './ssh-keys.ts';
import { SshRelay } from './ssh-relay.ts';
import { setMetadata } from './stubs.ts';

export type MountHooks = { readonly signal: AbortSignal; readonly say: (text: string) => Promise<void> };

/** A mount that is to be seen at a path. */
export type TargetOrder = OrderMount & { readonly target: string };

/** What is mounted, and how. */
export type Source = {
  readonly kind: 'dir' | 'file';
  readonly type: 'bind' | 'tmpfs';
  /** Of the host. */
  readonly path: string;
  readonly options: readonly string[];
  /** Where a mount point can be made if one is missing; absent where that is the runtime's business. */
  readonly inside?: string;
};

/** Makes what the mounts of one run show. All of it is taken back with `resources`. */
export class MountSources {
  readonly #context: RunContext;
  readonly #order: RunOrder;
  readonly #hooks: MountHooks;
  readonly #resources: AsyncDisposableStack;
  readonly #caches = new Map<string, CacheDirectory>();
  #memory: MemoryDirectory | undefined;
  #count = 0;

  constructor(
    context: RunContext,
    parts: { readonly order: RunOrder; readonly hooks: MountHooks; readonly resources: AsyncDisposableStack },
  ) {
    this.#context = context;
    this.#order = parts.order;
    this.#hooks = parts.hooks;
    this.#resources = parts.resources;
    // A variable that is a secret stands in the runtime's configuration
    if (parts.order.mounts?.some(({ type }) => type === 'secret')) this.#openMemory();
  }

  get memoryPath(): string | undefined {
    return this.#memory?.path;
  }

  async source(mount: TargetOrder, { found }: MountPoint): Promise<Source> {
    switch (mount.type) {
      case 'bind':
        return this.#bind(mount);
      case 'cache': {
        const { path } = await this.#cache(mount);
        return { kind: 'dir', type: 'bind', path, options: ['rbind', 'rprivate', 'nodev', access(mount)] };
      }
      case 'tmpfs': {
        // As runc has it: a directory that is there keeps its mode
        const mode = found?.kind === 'dir' ? found.mode.toString(8) : '1777';
        const size = mount.size === undefined ? [] : [`size=${mount.size}`];
        const options = ['nosuid', 'nodev', `mode=${mode}`, ...size, access(mount)];
        return { kind: 'dir', type: 'tmpfs', path: 'tmpfs', options };
      }
      case 'secret':
        return this.#secret(mount);
      case 'ssh':
        return this.#agent(mount);
    }
  }

  #name(what: string): string {
    this.#count += 1;
    return `${what}-${this.#count}`;
  }

  async #bind(mount: Extract<OrderMount, { type: 'bind' }>): Promise<Source> {
    const directory = `${this.#order.directory}/${this.#name('mount')}`;
    mkdirSync(`${directory}/upper`, { recursive: true });
    this.#resources.defer(() => rmSync(directory, { recursive: true, force: true }));
    const { trees, syscalls } = this.#context;
    const view = await trees.prepare(mount.layers, this.#order.directory, this.#hooks.signal);
    setMetadata(syscalls, `${directory}/upper`, view.rootMetadata());
    const lower = view.directories.length === 0 ? [emptyDirectory(directory)] : view.directories;
    const { target } = this.#resources.use(OverlayMount.open(syscalls, { directory, lower }));
    const path = below(target, mount.path.slice(1));
    const isDirectory = lstatSync(hostPath(path)).isDirectory();
    return {
      kind: isDirectory ? 'dir' : 'file',
      type: 'bind',
      path,
      options: ['rbind', 'rprivate', access(mount)],
      ...(isDirectory ? { inside: path } : {}),
    };
  }

  /** The same cache twice in one step is one directory, held once. */
  async #cache(mount: Extract<OrderMount, { type: 'cache' }>): Promise<CacheDirectory> {
    const known = this.#caches.get(mount.name);
    if (known !== undefined) return known;
    const cache = await CacheDirectory.acquire(mount, {
      ...this.#context,
      caches: this.#context.paths.caches,
      scratch: `${this.#order.directory}/${this.#name('cache')}`,
      signal: this.#hooks.signal,
      onWait: () => void this.#hooks.say(`waiting for the cache ${quoted(mount.id)}, which is in use\n`),
    });
    this.#caches.set(mount.name, cache);
    return this.#resources.use(cache);
  }

  #openMemory(): MemoryDirectory {
    this.#memory ??= this.#resources.use(
      new MemoryDirectory(this.#context.syscalls, `${this.#order.directory}/memory`),
    );
    return this.#memory;
  }

  #secret(mount: Extract<OrderMount, { type: 'secret' }>): Source {
    const path = `${this.#openMemory().path}/${this.#name('secret')}`;
    writeFileSync(path, Buffer.from(mount.base64, 'base64'), { mode: 0o600 });
    chownSync(path, mount.uid, mount.gid);
    chmodSync(path, mount.mode);
    const isProgram = (mount.mode & 0o111) !== 0;
    const options = ['bind', 'rprivate', 'ro', 'nosuid', 'nodev', ...(isProgram ? [] : ['noexec'])];
    return { kind: 'file', type: 'bind', path, options };
  }

  async #agent(mount: Extract<OrderMount, { type: 'ssh' }>): Promise<Source> {
    const memory = this.#openMemory();
    const name = this.#name('agent');
    const upstream = await this.#upstream(mount.agent, memory);
    this.#resources.use(await SshRelay.open(`${memory.shortPath}/${name}`, upstream, mount));
    const options = ['bind', 'rprivate', 'nosuid', 'nodev', 'noexec'];
    return { kind: 'file', type: 'bind', path: `${memory.path}/${name}`, options };
  }

  async #upstream(
    agent: Extract<OrderMount, { type: 'ssh' }>['agent'],
    memory: MemoryDirectory,
  ): Promise<string> {
    if (agent.type === 'socket') {
      if (existsSync(agent.path)) return agent.path;
      throw new LapidaryError('MOUNT_FAILED', `the SSH agent ${quoted(agent.path)} is gone`, {
        hint: 'is it still running? see $SSH_AUTH_SOCK',
      });
    }
    const name = this.#name('keys');
    const keys = agent.keys.map((key) => Buffer.from(key, 'base64'));
    const { searchPath } = this.#context;
    this.#resources.use(await SshKeys.open(keys, { directory: memory.path, name, searchPath }));
    return `${memory.shortPath}/${name}`;
  }
}

const access = (mount: { readonly readonly: boolean }): 'ro' | 'rw' => (mount.readonly ? 'ro' : 'rw');

function emptyDirectory(directory: string): string {
  mkdirSync(`${directory}/empty`);
  return `${directory}/empty`;
}
