import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DISK, fresh } from './shell.ts';

const DIR = join(DISK, 'registry');
const LOG = join(DIR, 'log');
const STEP_MS = 20;
const PATIENCE_MS = 20_000;

/** The CNCF's registry, Debian's `docker-registry`, on a port of 127.0.0.1 with plain HTTP. */
export type BenchRegistry = {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Makes it forget a repository and every blob: a push starts from nothing. */
  readonly empty: () => void;
};

let running: { readonly child: ChildProcess; readonly registry: BenchRegistry } | undefined;

/** Starts it, unless it runs. It keeps what it has on the filesystem that runs write to. */
export function benchRegistry(): BenchRegistry {
  if (running !== undefined) return running.registry;
  fresh(DIR);
  const data = join(DIR, 'data');
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'text', accesslog: { disabled: true } },
    // Without a cache of descriptors it believes its files alone, which are removed behind its back.
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: '127.0.0.1:0', secret: 'bench' },
  };
  writeFileSync(join(DIR, 'config.json'), JSON.stringify(config));
  const log = openSync(LOG, 'w');
  const child = spawn('docker-registry', ['serve', join(DIR, 'config.json')], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  process.once('exit', stopRegistry);
  const registry: BenchRegistry = {
    host: waitForHost(),
    empty: () => rmSync(data, { recursive: true, force: true }),
  };
  running = { child, registry };
  return registry;
}

/** Before the filesystem that it writes to goes. */
export function stopRegistry(): void {
  running?.child.kill('SIGKILL');
  running = undefined;
}

function waitForHost(): string {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(LOG, 'utf8'))?.[1];
    if (port !== undefined) return `127.0.0.1:${port}`;
    // Everything in a benchmark waits, so that nothing else runs beside it.
    Atomics.wait(clock, 0, 0, STEP_MS);
  }
  throw new Error(`docker-registry did not start:\n${readFileSync(LOG, 'utf8')}`);
}
