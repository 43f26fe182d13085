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
  return import('node:module')
    .then(function (module) {
      var cache = cacheDirectory();
      if (cache !== undefined) module.enableCompileCache(cache);
      return import('node:os');
    })
    .then(function (os) {
      widenThreadPool(os.availableParallelism());
      return import('node:v8');
    })
    .then(function (v8) {
      // Young objects of a build die late or at once: a nursery that grows to its default 3 x 16 MiB is memory for nothing.
      v8.setFlagsFromString('--semi-space-growth-factor=1');
      return import('node:fs').then(function (fs) {
        var built = new URL('../dist/lapidary.js', import.meta.url);
        return import(fs.existsSync(built) ? built.href : new URL('../src/cli/bin.ts', import.meta.url).href);
      });
    });
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
