import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

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
const EXTERNAL = [
  /^node:(?!(http|https|process|util)$)/,
  'koffi',
  'smol-toml',
  'unbzip2-stream',
  'xz-decompress',
];

/** A file takes longer to find and to open than its code to load: these are all that a cached build reads. */
const GROUPS = [
  // all that `--version` needs
  { name: 'start', test: /\/src\/(errors\/|cli\/(main|version|command)\.ts)/, priority: 2 },
  {
    name: 'cached-build',
    test: /\/src\/(build\/(index|build)|context\/index|progress\/(index|text|plain)|cli\/(parse-args|help|global-options|progress|commands\/(index|build|build-.*)))\.ts$/,
    priority: 1,
  },
];

/**
 * Modules of Node without the getters of rarely needed parts among their exports. Importing `node:http` runs them all, and
 * with them loads half of Node: 53 ms instead of 4 (util: 6, process: 9).
 */
const LEAN = ['http', 'https', 'process', 'util'];

function leanBuiltins(): Plugin {
  const filter = { id: new RegExp(`^(node:)?(${LEAN.join('|')})$`) };
  return {
    name: 'lean-builtins',
    resolveId: { filter, handler: (id) => `\0lean:${id.replace('node:', '')}` },
    load: {
      filter: { id: /^\0lean:/ },
      handler: (id) => {
        const name = `node:${id.slice('\0lean:'.length)}`;
        const names = plainExports(process.getBuiltinModule(name) as object);
        const lines = names.map(
          (export_) => `export const ${export_} = /* @__PURE__ */ (() => all.${export_})();`,
        );
        return [`const all = process.getBuiltinModule('${name}');`, 'export default all;', ...lines].join(
          '\n',
        );
      },
    },
  };
}

function plainExports(all: object): string[] {
  const described = Object.entries(Object.getOwnPropertyDescriptors(all));
  return described
    .filter(([name, property]) => !('get' in property) && name !== 'default')
    .map(([name]) => name);
}

/**
 * Bundles the sources into dist/, all chunks side by side: what is imported lazily stays lazy, what several
 * entries share is written once, and a module finds the others beside itself.
 */
async function bundle(): Promise<void> {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(ROOT, path)]));
  for (const path of Object.values(input)) {
    if (!existsSync(path)) throw new Error(`there is no ${path} to build`);
  }
  const build = await rolldown({
    input,
    external: EXTERNAL,
    platform: 'node',
    cwd: ROOT,
    plugins: [leanBuiltins()],
    // Lazy where the sources run as they are, and in one file here: GROUPS
    checks: { ineffectiveDynamicImport: false },
  });
  await build.write({
    dir: DIST,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name]-[hash].js',
    sourcemap: true,
    codeSplitting: { groups: GROUPS },
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
