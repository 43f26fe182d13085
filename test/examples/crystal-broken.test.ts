import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Workspace } from '../support/cli.ts';
import { CrystalExamples } from '../support/crystal-examples.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';
import { git } from '../support/git-server.ts';

type Files = Readonly<Record<string, string>>;

let work: Workspace;
let examples: CrystalExamples;
beforeAll(async () => {
  work = await exampleWorkspace();
  await debianBases(work, 'debian:trixie-slim');
  examples = await CrystalExamples.open(work);
});
afterAll(async () => {
  examples[Symbol.dispose]();
  await work[Symbol.asyncDispose]();
});

const SHARD = 'name: app\nversion: 0.1.0\ntargets:\n  app:\n    main: src/app.cr\n';
const NO_LOCKED = 'version: 2.0\nshards: {}\n';

/** A project whose one dependency, by path, is linked with a library. */
const linkedWith = (library: string, source: string): Files => ({
  'shard.yml': `${SHARD}dependencies:\n  binding:\n    path: vendor/binding\n`,
  'shard.lock': 'version: 2.0\nshards:\n  binding:\n    path: vendor/binding\n    version: 0.1.0\n',
  'src/app.cr': 'require "binding"\nputs Binding.answer\n',
  'vendor/binding/shard.yml': 'name: binding\nversion: 0.1.0\n',
  'vendor/binding/src/binding.cr': `@[Link("${library}")]\n${source}`,
});

const UDEV = linkedWith(
  'udev',
  'lib Udev\n  fun new = udev_new : Void*\n  fun unref = udev_unref(udev : Void*) : Void*\nend\n\nmodule Binding\n  def self.answer\n    Udev.unref(Udev.new).null? ? "udev" : "no udev"\n  end\nend\n',
);

/** What a build that must fail says. */
async function complaint(name: string, files: Files, ...flags: readonly string[]): Promise<string> {
  const context = await work.files(name, files);
  const all = ['--progress', 'plain', '--no-release', '--network', 'host', '-t', name, ...flags];
  const { code, stderr } = await work.run(['build', ...all, context]);
  expect({ code, stderr }).toMatchObject({ code: 1 });
  expect(await work.ok(['images', '-q', name])).toBe('');
  return stderr.slice(stderr.indexOf('error['));
}

describe('before anything is built, the complaint is about', () => {
  const SOURCE = { 'src/app.cr': 'puts 1\n' };
  const DEPENDENT = `${SHARD}dependencies:\n  crc32c:\n    git: git://localhost/crc32c\n`;
  test.for<readonly [string, Files, readonly string[]]>([
    ['no shard.yml', SOURCE, ['error[DOCKERFILE_NOT_FOUND]', 'shard.yml']],
    ['YAML', { ...SOURCE, 'shard.yml': 'name: app\ntargets: [a\n' }, ['not YAML', '--> shard.yml:3:1']],
    ['a main that is missing', { 'shard.yml': SHARD }, ['there is no "src/app.cr"', '--> shard.yml:5:11']],
    [
      'a lock that lacks a dependency',
      { ...SOURCE, 'shard.yml': DEPENDENT, 'shard.lock': NO_LOCKED },
      ['has no "crc32c"', '--> shard.yml:8:5', 'run `shards install`'],
    ],
  ])('%s', async ([name, files, wanted]) => {
    const said = await complaint(name.replace(/\W+/g, '-').toLowerCase(), files);
    expect(wanted.filter((part) => !said.includes(part))).toEqual([]);
  });
});

test('a lock with a version that does not fit is told by shards', async () => {
  const context = await examples.project('crystal-checksum');
  git(work.path('repositories/crc32c'), 'tag', 'v1.1.0', 'v1.0.0');
  const files = Object.fromEntries(
    await Promise.all(
      ['shard.yml', 'shard.lock', 'src/crystal_checksum.cr'].map(
        async (path) => [path, await readFile(join(context, path), 'utf8')] as const,
      ),
    ),
  );
  const yaml = files['shard.yml']?.replace('~> 1.0', '~> 1.1') ?? '';
  const said = await complaint('old-lock', { ...files, 'shard.yml': yaml });
  expect(said).toMatch(/exited with code 1: .*shards install --production --frozen/);
  expect(said).toContain('E: Outdated shard.lock (crc32c requirements changed)');
});

test('what the compiler says arrives as it is', async () => {
  const source = 'def twice(number : Int32)\n  number * 2\nend\n\nputs twice("two")\n';
  const said = await complaint('compile-error', { 'shard.yml': SHARD, 'src/app.cr': source });
  expect(said).toContain('exited with code 1');
  const lines = [
    'In src/app.cr:5:12',
    '5 | puts twice("two")',
    "Error: expected argument #1 to 'twice' to be Int32, not String",
    'Overloads are:',
    '- twice(number : Int32)',
  ];
  expect(lines.filter((line) => !said.includes(line))).toEqual([]);
});

test('a library that nobody knows is named, with the shard that wants it and the flag for its package', async () => {
  const source =
    'lib Odd\n  fun answer = odd_answer : Int32\nend\n\nmodule Binding\n  def self.answer\n    Odd.answer\n  end\nend\n';
  const said = await complaint('odd', linkedWith('odd', source));
  expect(said).toContain('no package is known that has the library odd, which binding links with');
  expect(said).toContain('--with-package');
});

describe('a library without a static archive', () => {
  test('is named, with the flag that helps, where the program has to be static', async () => {
    const said = await complaint('static-udev', UDEV, '--link', 'static');
    expect(said).toContain('--link dynamic');
    expect(said).toContain('the library udev, which binding links with, has no static archive');
  });

  test.for([
    ['without a flag, and says why', [], 1],
    ['where that is asked for', ['--link', 'dynamic'], 0],
  ] as const)('is copied with the program %s', async ([, flags, told]) => {
    const context = await work.files('dynamic-udev', UDEV);
    const tag = `udev-${told}`;
    const { code, stderr } = await work.run(['build', '--no-release', '-t', tag, ...flags, context]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.match(/cannot be linked statically, so it is linked dynamically/g) ?? []).toHaveLength(
      told,
    );
    expect(await work.ok(['run', '--rm', tag])).toBe('udev\n');
  });
});
