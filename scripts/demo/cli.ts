import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { styleText } from 'node:util';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

export type DemoStep = { readonly title: string; readonly result: string; readonly ms: number };
export type StartedServer = { readonly url: string; stop(): Promise<number | null> };

/** The command line as a person at a terminal has it: `bin/lapidary.js` in processes of its own, on one store. */
export class Cli {
  readonly #root: string;
  readonly #store: string;
  readonly #running = new Set<ChildProcess>();

  constructor(root: string, store: string) {
    this.#root = root;
    this.#store = store;
  }

  /** Prints a command and runs it with its output on this terminal. */
  async show(args: readonly string[], signal: AbortSignal): Promise<void> {
    echo(args);
    const child = this.#start(args, { stdio: 'inherit' });
    await this.#succeed(args, child, signal);
  }

  /** What a command prints. */
  async output(args: readonly string[]): Promise<string> {
    const child = this.#start(args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const text = collect(child.stdout);
    await this.#succeed(args, child);
    return text();
  }

  /** Builds and returns every step in the order in which they ended. */
  async buildSteps(args: readonly string[], signal: AbortSignal): Promise<DemoStep[]> {
    const all = ['build', '--progress', 'rawjson', ...args];
    echo(all);
    const child = this.#start(all, { stdio: ['ignore', 'ignore', 'pipe'] });
    const text = collect(child.stderr);
    try {
      await this.#succeed(all, child, signal);
    } catch (error) {
      process.stderr.write(text());
      throw error;
    }
    return readSteps(text());
  }

  /** Runs an image on a free port and returns once it says that it is healthy. */
  async serve(image: string, signal: AbortSignal): Promise<StartedServer> {
    const port = await freePort();
    const args = ['run', '--rm', '-e', `PORT=${port}`, image];
    echo(args);
    const child = this.#start(args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const url = `http://127.0.0.1:${port}`;
    await healthy(`${url}/health`, child, signal);
    return { url, stop: () => this.#stop(child) };
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.#stop(child)));
  }

  #start(args: readonly string[], { stdio }: { readonly stdio: 'inherit' | StdioList }): ChildProcess {
    const child = spawn(process.execPath, [join(this.#root, 'bin/lapidary.js'), ...args], {
      cwd: this.#root,
      env: { ...process.env, LAPIDARY_STORE: this.#store },
      stdio: stdio === 'inherit' ? stdio : [...stdio],
    });
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    return child;
  }

  async #succeed(args: readonly string[], child: ChildProcess, signal?: AbortSignal): Promise<void> {
    const stop = (): void => {
      child.kill('SIGTERM');
    };
    signal?.addEventListener('abort', stop, { once: true });
    const [code] = (await once(child, 'close')) as [number | null];
    signal?.removeEventListener('abort', stop);
    if (code !== 0) throw new Error(`lapidary ${args.join(' ')} ended with exit code ${code}`);
  }

  async #stop(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const [code] = (await closed) as [number | null];
    clearTimeout(timer);
    return code;
  }
}

type StdioList = readonly ['ignore', 'ignore' | 'pipe' | 'inherit', 'pipe' | 'inherit'];

function echo(args: readonly string[]): void {
  console.log(styleText('cyan', `$ lapidary ${args.join(' ')}`));
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** From the lines of `--progress rawjson`: a start has the title, the end the result. */
function readSteps(text: string): DemoStep[] {
  const titles = new Map<number, string>();
  const steps: DemoStep[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line) as {
      readonly type: string;
      readonly id?: number;
      readonly result?: string;
      readonly ms?: number;
      readonly step?: { readonly id: number; readonly title: string };
    };
    if (event.type === 'step-start' && event.step) titles.set(event.step.id, event.step.title);
    if (event.type !== 'step-end' || event.id === undefined) continue;
    steps.push({ title: titles.get(event.id) ?? '', result: event.result ?? '', ms: event.ms ?? 0 });
  }
  return steps;
}

async function healthy(url: string, child: ChildProcess, signal: AbortSignal): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < end) {
    signal.throwIfAborted();
    if (child.exitCode !== null) throw new Error(`the server ended with exit code ${child.exitCode}`);
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (response?.ok) return;
    await after(50);
  }
  throw new Error(`the server did not answer within ${START_TIMEOUT_MS / 1000} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
