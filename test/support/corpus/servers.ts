import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { git, publish, serveRepositories } from '../git-server.ts';
import { HttpServer } from '../http-server.ts';

/** The time that every served file was last changed at. */
const MODIFIED = 'Wed, 01 Mar 2023 10:20:30 GMT';

/** What cases fetch: files by HTTP, and repositories by git's own server. Each case has its own below its name. */
export class CaseServers implements AsyncDisposable {
  readonly #root: string;
  readonly #files: HttpServer;
  readonly #repositories: HttpServer;

  private constructor(root: string, files: HttpServer, repositories: HttpServer) {
    this.#root = root;
    this.#files = files;
    this.#repositories = repositories;
  }

  static async open(root: string): Promise<CaseServers> {
    const [files, repositories] = [join(root, 'files'), join(root, 'repositories')];
    await mkdir(files, { recursive: true });
    await mkdir(repositories, { recursive: true });
    const server = await HttpServer.start(({ url = '' }, response) => {
      const path = join(files, normalize(`/${decodeURIComponent(url.replace(/\?.*/, ''))}`));
      const found = existsSync(path) && statSync(path).isFile();
      response.writeHead(found ? 200 : 404, found ? { 'Last-Modified': MODIFIED } : {});
      response.end(found ? readFileSync(path) : 'not here');
    });
    return new CaseServers(root, server, await serveRepositories(repositories));
  }

  /** Serves a copy of the files of a directory; returns the start of their URLs. */
  async serve(directory: string, name: string): Promise<string> {
    await cp(directory, join(this.#root, 'files', name), { recursive: true });
    return this.#files.url(`/${name}`);
  }

  /** Publishes the files of a directory: one commit on `main`, tagged `v1`. Returns the repository's URL. */
  publish(directory: string, name: string): string {
    git(directory, 'init', '-q');
    git(directory, 'add', '-A');
    git(directory, 'commit', '-qm', name);
    git(directory, 'tag', 'v1');
    publish(directory, join(this.#root, 'repositories'), `${name}.git`);
    return this.#repositories.url(`/${name}.git`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
    await this.#repositories[Symbol.asyncDispose]();
  }
}
