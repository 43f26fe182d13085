import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

const ROOT = join(import.meta.dirname, '..');
/** `node scripts/build.ts [DIRECTORY]` */
const DIST = resolve(process.argv[2] ?? join(ROOT, 'dist'));

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

/** A file takes longer to find and to open than its code to load: these are all that a cached build reads. */
const GROUPS = [
  // all that `--version` needs
  { name: 'start', test: /\/src\/(errors\/|cli\/(main|version|command)\.ts)/, priority: 2 },
  {
    name: 'cached-build',
    test: /\/src\/(build\/(index|build)|context\/index|progress\/(index|text|plain)|cli\/(dispatch|commands\/(run-build|build-call)))\.ts$/,
    priority: 1,
  },
];

/**
 * Modules of Node without the getters of rarely needed parts among their exports. Importing `node:http` runs them all, and
 * with them loads half of Node: 53 ms instead of 4 (util: 6, process: 9, crypto: 1).
 */
const LEAN = ['crypto', 'http', 'https', 'process', 'util'];

/** Modules of Node that are loaded when one of their functions is first called: each a millisecond. */
const LAZY = ['child_process', 'zlib'];

const REPLACED = [...LEAN, ...LAZY].join('|');

/** Installed with the package: a native library, and what is not needed to start. */
const EXTERNAL = [
  new RegExp(`^node:(?!(${REPLACED})$)`),
  'koffi',
  'smol-toml',
  'unbzip2-stream',
  'xz-decompress',
];

function leanBuiltins(): Plugin {
  const filter = { id: new RegExp(`^(node:)?(${REPLACED})$`) };
  return {
    name: 'lean-builtins',
    resolveId: { filter, handler: (id) => `\0lean:${id.replace('node:', '')}` },
    load: {
      filter: { id: /^\0lean:/ },
      handler: (id) => {
        const name = id.slice('\0lean:'.length);
        return LAZY.includes(name) ? lazyModule(name) : leanModule(name);
      },
    },
  };
}

function leanModule(name: string): string {
  const lines = plainExports(name).map(
    ([export_]) => `export const ${export_} = /* @__PURE__ */ (() => all.${export_})();`,
  );
  return [`const all = process.getBuiltinModule('node:${name}');`, 'export default all;', ...lines].join(
    '\n',
  );
}

/** What is no function is a property of the default export. */
function lazyModule(name: string): string {
  const names = plainExports(name).flatMap(([one, value]) => (typeof value === 'function' ? [one] : []));
  const getters = plainExports(name).map(([one]) => `get ${one}() { return load().${one}; }`);
  return [
    `const load = () => process.getBuiltinModule('node:${name}');`,
    ...names.map((one) => `export const ${one} = (...all) => load().${one}(...all);`),
    `export default { ${getters.join(', ')} };`,
  ].join('\n');
}

function plainExports(name: string): [string, unknown][] {
  const all = process.getBuiltinModule(`node:${name}`) as object;
  return Object.entries(Object.getOwnPropertyDescriptors(all))
    .filter(([export_, property]) => !('get' in property) && export_ !== 'default')
    .map(([export_, property]) => [export_, property.value]);
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

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** V8 keeps code without other characters at a byte for each, and Node need not decode it: 2 ms. */
async function escapeToAscii(): Promise<void> {
  for await (const path of glob(join(DIST, '*.js'))) {
    const code = await readFile(path, 'utf8');
    await writeFile(path, code.replace(/[^\0-\x7f]/g, escaped));
  }
}

/** Declarations of everything that can be imported, as tsc sees it. */
function declarations(): void {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', 'scripts/types.tsconfig.json', '--outDir', join(DIST, 'types')], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}

const start = performance.now();
await rm(DIST, { recursive: true, force: true });
await bundle();
await escapeToAscii();
declarations();
const { size } = await stat(join(DIST, 'lapidary.js'));
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`built dist/ in ${seconds} s; dist/lapidary.js is ${Math.ceil(size / 1024)} kB`);
