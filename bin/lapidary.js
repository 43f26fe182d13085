#!/usr/bin/env node
// Plain enough for any old Node to read and to say what is wrong.
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write('lapidary needs Node 24 or newer; this is ' + process.version + '\n');
  process.exitCode = 1;
} else {
  start().catch(function (error) {
    process.stderr.write(String((error && error.stack) || error) + '\n');
    process.exitCode = 70;
  });
}

function start() {
  var builtin = process.getBuiltinModule;
  var cache = cacheDirectory();
  if (cache !== undefined) builtin('node:module').enableCompileCache(cache);
  widenThreadPool(builtin('node:os').availableParallelism());
  // Young objects of a build die late or at once: a nursery that grows to its default 3 x 16 MiB is memory for nothing.
  builtin('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
  builtin('node:v8').setFlagsFromString('--heap-growing-percent=50');
  var built = new URL('../dist/lapidary.js', import.meta.url);
  var source = new URL('../src/cli/bin.ts', import.meta.url);
  return import(builtin('node:fs').existsSync(built) ? built.href : source.href);
}

// Layers are compressed on this pool, a core for each thread, and two are left for files. Read once, when first used.
function widenThreadPool(cores) {
  var threads = Math.min(cores, 16) + 2;
  if (threads > 4 && !process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = String(threads);
}

// The user's own directory: in a shared one such as /tmp others could put code in our way.
function cacheDirectory() {
  var base = process.env.XDG_CACHE_HOME || (process.env.HOME && process.env.HOME + '/.cache');
  return base ? base + '/lapidary/compiled' : undefined;
}
