import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { removeScratch } from './remove-scratch.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type CliOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
};

/** A place of its own for one test file: a store, and files below `dir`. Removed by `await using`, but for a given store. */
export class Workspace implements AsyncDisposable {
  readonly dir: string;
  readonly store: string;

  private constructor(dir: string, store: string) {
    this.dir = dir;
    this.store = store;
  }

  static async create(parent: string = tmpdir(), store?: string): Promise<Workspace> {
    const dir = await mkdtemp(join(parent, 'lapidary-test-'));
    return new Workspace(dir, store ?? join(dir, 'store'));
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Writes files given by path; directories on the way are made. Returns the directory's path. */
  async files(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const full = this.path(name, path);
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, content);
    }
    await mkdir(this.path(name), { recursive: true });
    return this.path(name);
  }

  /** Starts the command line as a process of its own, on this workspace's store. */
  start(args: readonly string[], { cwd, env }: CliOptions = {}): ChildProcess {
    return spawn(process.execPath, [join(ROOT, 'bin/lapidary.js'), ...args], {
      cwd: cwd ?? this.dir,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.dir,
        LAPIDARY_STORE: this.store,
        NO_COLOR: '1',
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs the command line to its end. */
  async run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const child = this.start(args, options);
    child.stdin?.end(options.input ?? '');
    return finished(child);
  }

  /** The same, and fails the test with the command's own words when it does not succeed. */
  async ok(args: readonly string[], options: CliOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`lapidary ${args.join(' ')} exited with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /**
   * A base image `base:latest` with a static busybox, a passwd and a group file. Made by a build itself: a RUN
   * that installs the applets.
   */
  async busyboxBase(): Promise<void> {
    const context = await this.files('base-context', {
      Dockerfile: [
        'FROM scratch',
        'COPY busybox /bin/busybox',
        'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
        'COPY etc /etc/',
        'RUN mkdir -m 1777 /tmp && mkdir /root',
        'CMD ["/bin/sh"]',
      ].join('\n'),
      'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
      'etc/group': 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n',
    });
    await cp('/bin/busybox', join(context, 'busybox'));
    await this.ok(['build', '-q', '-t', 'base', context]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeScratch(this.dir);
  }
}

/** Collects a process's output until it ends. */
export async function finished(child: ChildProcess): Promise<CliResult> {
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const text = (chunks: Buffer[] | undefined): string => Buffer.concat(chunks ?? []).toString();
