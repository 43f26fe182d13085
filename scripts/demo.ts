import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { archiveLayers, type Descriptor } from './demo/archive-layers.ts';
import { Cli, type StartedServer } from './demo/cli.ts';

const ROOT = join(import.meta.dirname, '..');
const EXAMPLE = join(ROOT, 'examples/hello');
const STORE = join(ROOT, '.lapidary-demo');
/** What the image may weigh, compressed. */
const MAX_BYTES = 5_000_000;
/** What Crystal needs to compile the example. */
const BUILD_PACKAGES = 'crystal,shards,gcc,libc6-dev,libgc-dev,libevent-dev,libpcre2-dev,zlib1g-dev,binutils';
/** As the base of the example is called, and how it is made. */
const BASE = {
  tag: 'crystal-build:latest',
  args: ['debian:trixie', '--include', BUILD_PACKAGES, '--tag', 'crystal-build'],
};

let part = 0;
const began = performance.now();
const cli = new Cli(ROOT, STORE);
const scratch = await mkdtemp(join(tmpdir(), 'lapidary-demo-'));
const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
try {
  await mkdir(STORE, { recursive: true });
  await makeBase();
  await buildExample();
  await weigh();
  await runExample();
  await changeALine();
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    styleText(['bold', 'green'], `\nAll of that took ${seconds} s. Images and cache are in .lapidary-demo/.`),
  );
} catch (error) {
  console.error(
    styleText('red', `\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
} finally {
  await cli.stopAll();
  await rm(scratch, { recursive: true, force: true });
}

async function makeBase(): Promise<void> {
  say(
    'A base image with the Crystal compiler: made from the Debian archive, signatures verified. No registry, no Docker.',
  );
  const listed = JSON.parse(await cli.output(['images', '--json'])) as readonly {
    readonly Repository: string;
    readonly Tag: string;
  }[];
  const known = listed.some((image) => `${image.Repository}:${image.Tag}` === BASE.tag);
  if (known) console.log(`${BASE.tag} is there from an earlier time`);
  else await cli.show(['bootstrap', ...BASE.args, '--allow-expired'], interrupt.signal);
}

async function buildExample(): Promise<void> {
  say('Build examples/hello: one stage compiles a Crystal web server, the other ships only the program.');
  await cli.show(['build', '-t', 'hello', 'examples/hello'], interrupt.signal);
  say('The stage with the compiler, by itself. Everything comes from the cache.');
  await cli.show(['build', '--target', 'build', '-t', 'hello-build', 'examples/hello'], interrupt.signal);
}

async function weigh(): Promise<void> {
  say('What did the two stages save?');
  const [compiler, shipped] = await Promise.all([layersOf('hello-build'), layersOf('hello')]);
  const [before, after] = [sum(compiler), sum(shipped)];
  console.log(`  stage with the compiler  ${megabytes(before)} compressed`);
  console.log(
    `  the image that ships     ${megabytes(after)} compressed: ${Math.round(before / after)} times smaller`,
  );
  if (shipped.length === 0 || after > MAX_BYTES) {
    throw new Error(`the image has ${after} bytes, expected at most ${MAX_BYTES}`);
  }
}

async function runExample(): Promise<void> {
  say('Run it.');
  const server = await cli.serve('hello', interrupt.signal);
  await showAnswer(server, '/health');
  await showAnswer(server, '/');
  await showAnswer(server, '/');
  const code = await server.stop();
  if (code !== 0) throw new Error(`the server ended with exit code ${code}`);
}

async function showAnswer({ url }: StartedServer, path: string): Promise<void> {
  const response = await fetch(url + path, { signal: AbortSignal.timeout(5000) });
  const body = (await response.text()).trim();
  console.log(`  GET ${path.padEnd(8)} ${response.status}  ${body}`);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}

async function changeALine(): Promise<void> {
  say(
    'Change one line of the source in a copy, and build that: dependencies from the cache, only the compiler runs.',
  );
  const copy = join(scratch, 'hello');
  await cp(EXAMPLE, copy, { recursive: true });
  const file = join(copy, 'src/hello/server.cr');
  const before = await readFile(file, 'utf8');
  // The process's number makes it a change that no earlier demo has made.
  const after = before.replace('Hello from Crystal', `Hello again (${process.pid}) from Crystal`);
  if (after === before) throw new Error('the line to change is not there');
  await writeFile(file, after);
  const steps = await cli.buildSteps(['-t', 'hello-changed', copy], interrupt.signal);
  for (const { title, result, ms } of steps) {
    console.log(
      `  ${result === 'hit' ? 'cached' : `${(ms / 1000).toFixed(1)} s`.padEnd(6)}  ${title.slice(0, 90)}`,
    );
  }
  expectStep(steps, /^RUN shards install/, true);
  expectStep(steps, /^RUN .*crystal build/, false);

  say('And once more without any change: nothing runs.');
  const start = performance.now();
  const again = await cli.buildSteps(['-t', 'hello-changed', copy], interrupt.signal);
  const ran = again.filter(({ result }) => result !== 'hit');
  console.log(`  ${again.length} steps, ${ran.length} executed, ${Math.round(performance.now() - start)} ms`);
  if (ran.length > 0) throw new Error(`${ran[0]?.title} was executed although nothing had changed`);
}

function expectStep(steps: Awaited<ReturnType<Cli['buildSteps']>>, title: RegExp, hit: boolean): void {
  const step = steps.find((one) => title.test(one.title));
  if (step === undefined) throw new Error(`there was no step ${title}`);
  if ((step.result === 'hit') !== hit) {
    throw new Error(
      `${step.title} should ${hit ? 'come from the cache' : 'be executed'}, but: ${step.result}`,
    );
  }
}

/** An image's compressed layers, base first. */
async function layersOf(name: string): Promise<readonly Descriptor[]> {
  const file = join(scratch, `${name.replaceAll(/[^a-z-]/g, '-')}.tar`);
  await cli.output(['save', '--format', 'oci', '-o', file, name]);
  return archiveLayers(file);
}

function say(text: string): void {
  part += 1;
  console.log(styleText('bold', `\n${part}. ${text}`));
}

function sum(layers: readonly Descriptor[]): number {
  return layers.reduce((total, { size }) => total + size, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2).padStart(7)} MB`;
}
