import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get as askPlain } from 'node:http';
import { get as askTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { KeyPair } from './certificates.ts';
import type { TokenServer } from './token-server.ts';

/** The only user of a registry with `auth: 'htpasswd'`; the hash is bcrypt's. */
export const REAL_USER: { readonly name: string; readonly password: string } = {
  name: 'mason',
  password: 'correct horse',
};
const HTPASSWD = `${REAL_USER.name}:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2`;

export type RealRegistryOptions = {
  readonly tls?: KeyPair;
  readonly auth?: 'htpasswd' | { readonly tokens: TokenServer; readonly rootCertificates: string };
};

/** A line of the registry's access log. */
export type AccessLine = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytesOut: number;
};

/** The registry of the CNCF, Debian's package `docker-registry`, on a port of 127.0.0.1 with an empty directory. */
export class RealRegistry implements AsyncDisposable {
  readonly host: string;
  readonly url: string;
  readonly #log: AccessLine[] = [];
  readonly #waiting: Map<string, () => void> = new Map();
  readonly #child: ChildProcess;
  readonly #dir: string;

  private constructor(child: ChildProcess, dir: string, url: string) {
    this.#child = child;
    this.#dir = dir;
    this.url = url;
    this.host = new URL(url).host;
  }

  static async start(options: RealRegistryOptions = {}): Promise<RealRegistry> {
    const dir = await mkdtemp(join(tmpdir(), 'lapidary-distribution-'));
    const path = join(dir, 'config.json');
    // JSON is YAML.
    await writeFile(path, JSON.stringify(await configuration(dir, options)));
    const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    const stderr = createInterface({ input: child.stderr });
    const port = new Promise<string>((resolve) => {
      stderr.on('line', (line) => {
        lines.push(line);
        const found = /listening on (?:127\.0\.0\.1|\[::\]):(\d+)/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`docker-registry ended\n${lines.join('\n')}`);
    });
    // Also handled when the registry is ended later.
    ended.catch(() => undefined);
    const scheme = options.tls === undefined ? 'http' : 'https';
    const registry = new RealRegistry(
      child,
      dir,
      `${scheme}://127.0.0.1:${await Promise.race([port, ended])}`,
    );
    createInterface({ input: child.stdout }).on('line', (line) => registry.#remember(line));
    return registry;
  }

  #remember(line: string): void {
    const match = /"(?<method>[A-Z]+) (?<path>\S+) HTTP\/[\d.]+" (?<status>\d+) (?<bytes>\d+)/.exec(line);
    const { method = '', path = '', status, bytes } = match?.groups ?? {};
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) waiting();
    else if (match !== null)
      this.#log.push({ method, path, status: Number(status), bytesOut: Number(bytes) });
  }

  /** All that was answered so far: a line is written after its answer, so a last request is waited for. */
  async log(): Promise<readonly AccessLine[]> {
    const path = `/v2/?${randomUUID()}`;
    const written = new Promise<void>((resolve) => {
      this.#waiting.set(path, resolve);
    });
    const ask = this.url.startsWith('https') ? askTls : askPlain;
    await new Promise((resolve, reject) => {
      ask(`${this.url}${path}`, { rejectUnauthorized: false, agent: false }, (response) => {
        response.resume().on('end', resolve);
      }).on('error', reject);
    });
    await written;
    return this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exit;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function configuration(dir: string, { tls, auth }: RealRegistryOptions): Promise<object> {
  const write = async (name: string, content: string): Promise<string> => {
    await writeFile(join(dir, name), content);
    return join(dir, name);
  };
  return {
    version: 0.1,
    log: { level: 'info', formatter: 'text', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'of this test',
      ...(tls && {
        tls: { certificate: await write('tls.crt', tls.cert), key: await write('tls.key', tls.key) },
      }),
    },
    ...(auth === 'htpasswd' && {
      auth: { htpasswd: { realm: 'test', path: await write('htpasswd', HTPASSWD) } },
    }),
    ...(typeof auth === 'object' && {
      auth: auth.tokens.realConfiguration(await write('tokens.crt', auth.rootCertificates)),
    }),
  };
}
