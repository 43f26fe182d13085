import { execFile, spawn } from 'node:child_process';
import { cp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliOptions, type CliResult, finished, Workspace } from '../support/cli.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build.ts'), work.path('package/dist')]);
  await cp(join(ROOT, 'bin'), work.path('package/bin'), { recursive: true });
  await cp(join(ROOT, 'package.json'), work.path('package/package.json'));
  await symlink(join(ROOT, 'node_modules'), work.path('package/node_modules'));
});
afterAll(() => work[Symbol.asyncDispose]());

/** The command as it is published. */
async function bundled(args: readonly string[], env: CliOptions['env'] = {}): Promise<CliResult> {
  const command = [work.path('package/bin/lapidary.js'), ...args];
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, command, {
    cwd: work.dir,
    env: { PATH, HOME: work.dir, LAPIDARY_STORE: work.store, NO_COLOR: '1', ...env },
  });
  child.stdin.end();
  return finished(child);
}

async function ok(args: readonly string[], env: CliOptions['env'] = {}): Promise<string> {
  const { code, stdout, stderr } = await bundled(args, env);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

/** The files that Node ran for a command, without its own. */
async function loaded(args: readonly string[]): Promise<string[]> {
  const coverage = work.path('coverage');
  await rm(coverage, { recursive: true, force: true });
  await ok(args, { NODE_V8_COVERAGE: coverage });
  const [report = ''] = await readdir(coverage);
  const { result } = JSON.parse(await readFile(join(coverage, report), 'utf8')) as {
    result: { url: string }[];
  };
  return result.flatMap(({ url }) => (url.startsWith('file:') ? [fileURLToPath(url)] : []));
}

describe('the bundle', () => {
  test('says the same as the sources', async () => {
    for (const args of [['--version'], ['--help'], ['help', 'build'], ['manifest', '--help']]) {
      expect(await ok(args)).toBe(await work.ok(args));
    }
  });

  test('builds, executes a step, compresses in both ways, and reads a TOML file', async () => {
    const dir = await work.files('context', {
      Dockerfile: 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "touch", "/here"]\n',
    });
    await cp('/bin/busybox', join(dir, 'busybox'));
    for (const compression of ['gzip', 'zstd']) {
      const output = `type=oci,dest=${work.path(`${compression}.tar`)},compression=${compression}`;
      await ok(['build', '-q', '-t', 'made', '-o', output, dir]);
      await ok(['load', '-i', work.path(`${compression}.tar`)]);
    }
    expect(await ok(['run', '--rm', 'made', '/bin/busybox', 'ls', '/here'])).toBe('/here\n');
    const cargo = await work.files('cargo', {
      'Cargo.toml': '[package]\nname = "here"\nversion = "0.1.0"\n',
      'Cargo.lock': 'version = 3\n',
      'src/main.rs': 'fn main() {}\n',
    });
    expect(await ok(['init', '--print', cargo])).toContain('FROM ');
  });

  test('reads few files for a build that is cached, and no dependency', async () => {
    const dir = await work.files('cached', { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'a' });
    await ok(['build', '-q', '-t', 'cached', dir]);
    const names = async (): Promise<string[]> => {
      const files = await loaded(['build', '-q', '-t', 'cached', dir]);
      return files
        .map((path) => relative(work.path('package'), path).replace(/-[\w-]{8}\.js$/, '.js'))
        .sort();
    };
    // What was changed a moment ago is read once more, with a library
    await expect
      .poll(names, { timeout: 20_000, interval: 500 })
      .toEqual([
        'bin/lapidary.js',
        'dist/chunk-cached-build.js',
        'dist/chunk-context.js',
        'dist/chunk-dispatch.js',
        'dist/chunk-rolldown-runtime.js',
        'dist/chunk-run-build.js',
        'dist/chunk-start.js',
        'dist/lapidary.js',
      ]);
  });
});
