import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { on } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import { createGzip } from 'node:zlib';
import { compressStream } from '../src/export/gzip.ts';
import { openStore } from '../src/store/index.ts';

/**
 * Compresses a tar of this machine's /usr into a store, as an export does: `compression.ts [MIB [WAY…]]`. Each way runs
 * in a process of its own.
 */
const MIB = 2 ** 20;

type Bytes = AsyncIterable<Uint8Array>;
type Way = { readonly hash: 'main' | 'worker' | 'none'; readonly compress: (source: Bytes) => Bytes };

const onThreads =
  (threads: number | undefined) =>
  (source: Bytes): Bytes =>
    compressStream(source, 'gzip', { threads });
const WAYS: Readonly<Record<string, Way>> = {
  stream: { hash: 'main', compress: zlibStream },
  'threads=1': { hash: 'main', compress: onThreads(1) },
  threads: { hash: 'main', compress: onThreads(undefined) },
  'threads=8': { hash: 'main', compress: onThreads(8) },
  'threads,hash-worker': { hash: 'worker', compress: onThreads(undefined) },
  'threads,no-hash': { hash: 'none', compress: onThreads(undefined) },
  zstd: { hash: 'main', compress: (source) => compressStream(source, 'zstd') },
  'hash-only': { hash: 'main', compress: (source) => source },
};

/** What each update of the digest took on the main thread, in milliseconds. */
const updates: number[] = [];

const [size = '1024', ...names] = process.argv.slice(2);
const corpus = process.env['BENCH_CORPUS'];
if (corpus === undefined) measureAll(Number(size), names.length > 0 ? names : Object.keys(WAYS));
else await measure(names[0] ?? '', corpus);

function measureAll(mib: number, ways: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'lapidary-bench-'));
  try {
    const path = join(folder, 'corpus.tar');
    const make = 'tar --sort=name -C /usr -cf - . 2>/dev/null | head -c "$1" > "$2"';
    execFileSync('sh', ['-c', make, 'sh', String(mib * MIB), path]);
    console.log(
      `${statSync(path).size / MIB} MiB, load ${readFileSync('/proc/loadavg', 'utf8').slice(0, 14)}`,
    );
    for (const way of ways) {
      const env = { ...process.env, BENCH_CORPUS: path };
      execFileSync(process.execPath, [import.meta.filename, size, way], { env, stdio: 'inherit' });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(name: string, path: string): Promise<void> {
  const way = WAYS[name];
  if (way === undefined) throw new Error(`no way ${name}; there are ${Object.keys(WAYS).join(', ')}`);
  const root = `${path}.store`;
  const store = await openStore(root);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = process.resourceUsage().maxRSS;
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  delay.enable();
  const source = createReadStream(path, { highWaterMark: MIB }) as Bytes;
  const stored = await store.blobs.putStream(way.compress(hashed(source, way.hash)), {});
  delay.disable();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const figures = {
    wall: `${(wall / 1e3).toFixed(2)} s`,
    cpu: `${((user + system) / 1e6).toFixed(2)} s`,
    ratio: (stored.size / statSync(path).size).toFixed(5),
    'delay p99': `${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
    'delay max': `${(delay.max / 1e6).toFixed(1)} ms`,
    updates: `${Math.round(updates.reduce((sum, ms) => sum + ms, 0))} ms, each <= ${Math.max(0, ...updates).toFixed(1)} ms`,
    memory: `+${Math.round((process.resourceUsage().maxRSS - before) / 1024)} MiB`,
  };
  console.log([name.padEnd(20), ...Object.entries(figures).map((pair) => pair.join(' '))].join('  '));
  if (existsSync(root)) rmSync(root, { recursive: true });
}

async function* zlibStream(source: Bytes): Bytes {
  const gzip = createGzip({ level: 6, chunkSize: 256 * 1024 });
  const fed = pipeline(source, gzip);
  yield* gzip as Bytes;
  await fed;
}

async function* hashed(source: Bytes, where: Way['hash']): AsyncGenerator<Uint8Array> {
  if (where === 'none') yield* source;
  if (where === 'worker') yield* hashedByWorker(source);
  if (where !== 'main') return;
  const hash = createHash('sha256');
  for await (const chunk of source) {
    const start = performance.now();
    hash.update(chunk);
    updates.push(performance.now() - start);
    yield chunk;
  }
  hash.digest();
}

/** A chunk is copied to the worker: its bytes are still needed here. */
async function* hashedByWorker(source: Bytes): Bytes {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const hash = require('node:crypto').createHash('sha256');
    parentPort.on('message', (chunk) => {
      if (chunk !== null) hash.update(chunk);
      parentPort.postMessage(chunk === null ? hash.digest('hex') : '');
    });`;
  const worker = new Worker(code, { eval: true });
  const answers = answersOf(worker);
  let ahead = 0;
  for await (const chunk of source) {
    worker.postMessage(chunk, []);
    if (++ahead > 4) await answers.next();
    yield chunk;
  }
  worker.postMessage(null, []);
  for await (const answer of answers) if (answer !== '') break;
  await worker.terminate();
}

async function* answersOf(worker: Worker): AsyncGenerator<string> {
  for await (const [answer] of on(worker, 'message')) yield answer as string;
}
