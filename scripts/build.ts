import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

/** Files of dist/ by name. `sandbox-child` is started as a program, the workers as threads, by whatever bundle needs them. */
const ENTRIES: Readonly<Record<string, string>> = {
  lapidary: 'src/cli/bin.ts',
  build: 'src/build/index.ts',
  dockerfile: 'src/dockerfile/index.ts',
  oci: 'src/oci/index.ts',
  registry: 'src/registry/index.ts',
  'sandbox-child': 'src/sandbox/child.ts',
  'gzip-worker': 'src/export/gzip-worker.ts',
  'unpack-reader': 'src/sandbox/unpack-reader.ts',
  'unpack-maker': 'src/sandbox/unpack-maker.ts',
};

/** Installed with the package: a native library, and what is not needed to start. */
const EXTERNAL = [/^node:/, 'koffi', 'commander', 'smol-toml', 'unbzip2-stream', 'xz-decompress'];

/**
 * Bundles the sources into dist/, all chunks side by side: what is imported lazily stays lazy, what several
 * entries share is written once, and a module finds the others beside itself.
 */
async function bundle(): Promise<void> {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(ROOT, path)]));
  for (const path of Object.values(input)) {
    if (!existsSync(path)) throw new Error(`there is no ${path} to build`);
  }
  const build = await rolldown({ input, external: EXTERNAL, platform: 'node', cwd: ROOT });
  await build.write({
    dir: DIST,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name]-[hash].js',
    sourcemap: true,
  });
  await build.close();
}

/** Declarations of everything that can be imported, as tsc sees it. */
function declarations(): void {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', 'scripts/types.tsconfig.json'], { cwd: ROOT, stdio: 'inherit' });
}

const start = performance.now();
await rm(DIST, { recursive: true, force: true });
await bundle();
declarations();
const { size } = await stat(join(DIST, 'lapidary.js'));
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`built dist/ in ${seconds} s; dist/lapidary.js is ${Math.ceil(size / 1024)} kB`);
