import { execFileSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Workspace } from './cli.ts';
import { startGitDaemon } from './git-server.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
/** Where the examples say that their shards are: git's own port. */
const FIXED = 'git://localhost/';

/** The machines that examples are built for. */
export const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] as const;

/** Projects of `examples/` in a workspace, their shards as git repositories of a server of this test. */
export class CrystalExamples implements Disposable {
  readonly #work: Workspace;
  readonly #server: { readonly url: string; readonly stop: () => void };
  readonly #built = new Map<string, Promise<void>>();

  private constructor(work: Workspace, server: { readonly url: string; readonly stop: () => void }) {
    this.#work = work;
    this.#server = server;
  }

  static async open(work: Workspace): Promise<CrystalExamples> {
    const repositories = work.path('repositories');
    execFileSync('sh', [join(EXAMPLES, 'shards/publish.sh'), repositories], {
      env: { PATH: process.env['PATH'] ?? '', HOME: work.dir, GIT_CONFIG_NOSYSTEM: '1' },
    });
    // The cache of shards tells repositories apart by host and path, not by port: each test file has paths of its own
    const { url, stop } = await startGitDaemon(dirname(work.dir));
    return new CrystalExamples(work, { url: `${url}/${basename(work.dir)}/repositories`, stop });
  }

  /** A copy of an example whose dependencies come from this server. Returns its directory. */
  async project(name: string): Promise<string> {
    const to = this.#work.path(name);
    await cp(join(EXAMPLES, name), to, { recursive: true });
    for (const file of ['shard.yml', 'shard.lock']) {
      const text = await readFile(join(to, file), 'utf8');
      await writeFile(join(to, file), text.replaceAll(FIXED, `${this.#server.url}/`));
    }
    return to;
  }

  /** Builds an example for all platforms, once, under its own name. */
  build(name: string, ...flags: readonly string[]): Promise<void> {
    const known = this.#built.get(name);
    if (known !== undefined) return known;
    const building = this.#build(name, flags);
    this.#built.set(name, building);
    return building;
  }

  async #build(name: string, flags: readonly string[]): Promise<void> {
    const context = await this.project(name);
    // Steps do not reach this machine's loopback otherwise
    const network = ['--network', 'host'];
    const platforms = ['--platform', PLATFORMS.join(',')];
    await this.#work.ok([
      'build',
      '--progress',
      'plain',
      '-t',
      name,
      ...platforms,
      ...network,
      ...flags,
      context,
    ]);
  }

  [Symbol.dispose](): void {
    this.#server.stop();
  }
}
