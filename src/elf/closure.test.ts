import { describe, expect, test } from 'vitest';
import { type Closure, type ClosureOptions, closureOf } from './closure.ts';
import { elf } from './test-elf.ts';
import { filesystem } from './test-filesystem.ts';

type Case = {
  readonly name: string;
  readonly files: Readonly<Record<string, string | Buffer>>;
  readonly options?: Partial<ClosureOptions>;
  readonly paths: readonly string[];
  readonly missing?: Closure['missing'];
};

const LD = '/lib64/ld-linux-x86-64.so.2';
const GLIBC = { 'lib64/ld-linux-x86-64.so.2': elf({ soname: 'ld-linux-x86-64.so.2' }) };
const program = (needed: readonly string[], more: object = {}): Buffer =>
  elf({ interpreter: LD, needed, ...more });
const library = (soname: string, more: object = {}): Buffer => elf({ soname, ...more });

const CASES: readonly Case[] = [
  { name: 'a static program', files: { app: elf(), 'lib/other': elf() }, paths: ['app'] },
  { name: 'a file that is no program', files: { app: 'text' }, paths: ['app'] },
  {
    name: 'libraries of libraries, each once, and circles',
    files: {
      ...GLIBC,
      app: program(['liba.so']),
      'lib/liba.so': library('liba.so', { needed: ['libb.so'] }),
      'lib/libb.so': library('libb.so', { needed: ['liba.so', 'libb.so'] }),
      'lib/libunused.so': library('libunused.so'),
    },
    paths: ['app', 'lib/liba.so', 'lib/libb.so', 'lib64/ld-linux-x86-64.so.2'],
  },
  {
    name: 'every link on the way, of directories and of files',
    files: {
      lib: '-> usr/lib',
      lib64: '-> usr/lib64',
      app: program(['liba.so.1']),
      'usr/lib64/ld-linux-x86-64.so.2': '-> ../lib/x86_64-linux-gnu/ld-2.so',
      'usr/lib/x86_64-linux-gnu/ld-2.so': elf({ soname: 'ld' }),
      'usr/lib/x86_64-linux-gnu/liba.so.1': '-> liba.so.1.2',
      'usr/lib/x86_64-linux-gnu/liba.so.1.2': library('liba.so.1'),
    },
    paths: [
      'app',
      'lib',
      'lib64',
      'usr/lib/x86_64-linux-gnu/ld-2.so',
      'usr/lib/x86_64-linux-gnu/liba.so.1',
      'usr/lib/x86_64-linux-gnu/liba.so.1.2',
      'usr/lib64/ld-linux-x86-64.so.2',
    ],
  },
  {
    name: 'RUNPATH with $ORIGIN before the configured directories, and only for the object itself',
    files: {
      ...GLIBC,
      'opt/bin/app': program(['liba.so'], { runpath: '$ORIGIN/../lib' }),
      'opt/lib/liba.so': library('liba.so', { needed: ['libb.so'] }),
      'opt/lib/libb.so': library('libb.so'),
      'usr/lib/liba.so': library('liba.so'),
      'usr/lib/libb.so': library('libb.so'),
    },
    options: { roots: ['/opt/bin/app'] },
    paths: ['lib64/ld-linux-x86-64.so.2', 'opt/bin/app', 'opt/lib/liba.so', 'usr/lib/libb.so'],
  },
  {
    name: 'RPATH for what the object loads, too',
    files: {
      ...GLIBC,
      'opt/app': program(['liba.so'], { rpath: '${ORIGIN}/lib' }),
      'opt/lib/liba.so': library('liba.so', { needed: ['libb.so'] }),
      'opt/lib/libb.so': library('libb.so'),
    },
    options: { roots: ['/opt/app'] },
    paths: ['lib64/ld-linux-x86-64.so.2', 'opt/app', 'opt/lib/liba.so', 'opt/lib/libb.so'],
  },
  {
    name: 'LD_LIBRARY_PATH before RUNPATH',
    files: {
      ...GLIBC,
      app: program(['liba.so'], { runpath: '/own' }),
      'own/liba.so': library('liba.so'),
      'set/liba.so': library('liba.so'),
    },
    options: { libraryPath: ['/set'] },
    paths: ['app', 'lib64/ld-linux-x86-64.so.2', 'set/liba.so'],
  },
  {
    name: 'directories of ld.so.conf with what it includes',
    files: {
      ...GLIBC,
      'etc/ld.so.conf': '# local\ninclude ld.so.conf.d/*.conf\n',
      'etc/ld.so.conf.d/b.conf': '/two\n',
      'etc/ld.so.conf.d/a.conf': 'include /etc/ld.so.conf\n/one # first\n',
      'etc/ld.so.conf.d/not.txt': '/zero\n',
      app: program(['liba.so', 'libb.so']),
      'zero/liba.so': library('liba.so'),
      'one/liba.so': library('liba.so'),
      'two/liba.so': library('liba.so'),
      'two/libb.so': library('libb.so'),
    },
    paths: ['app', 'lib64/ld-linux-x86-64.so.2', 'one/liba.so', 'two/libb.so'],
  },
  {
    name: 'libraries of another processor are passed over',
    files: {
      ...GLIBC,
      app: program(['liba.so']),
      'lib/x86_64-linux-gnu/liba.so': library('liba.so', { machine: 183 }),
      'lib64/liba.so': library('liba.so', { bits: 32, machine: 3 }),
      'usr/lib/liba.so': library('liba.so'),
    },
    paths: ['app', 'lib64/ld-linux-x86-64.so.2', 'usr/lib/liba.so'],
  },
  {
    name: 'a foreign processor',
    files: {
      app: elf({ bits: 32, machine: 40, interpreter: '/lib/ld-linux-armhf.so.3', needed: ['libc.so.6'] }),
      'lib/ld-linux-armhf.so.3': elf({ bits: 32, machine: 40, soname: 'ld' }),
      'lib/arm-linux-gnueabihf/libc.so.6': elf({ bits: 32, machine: 40, soname: 'libc.so.6' }),
    },
    paths: ['app', 'lib/arm-linux-gnueabihf/libc.so.6', 'lib/ld-linux-armhf.so.3'],
  },
  {
    name: 'musl: its loader is its C library, its directories are its own, RUNPATH goes down',
    files: {
      app: elf({
        interpreter: '/lib/ld-musl-x86_64.so.1',
        needed: ['liba.so', 'libc.musl-x86_64.so.1'],
        runpath: '/own',
      }),
      'lib/ld-musl-x86_64.so.1': elf({ soname: 'libc.musl-x86_64.so.1' }),
      'own/liba.so': library('liba.so', { needed: ['libb.so', 'libc.so'] }),
      'own/libb.so': library('libb.so', { needed: ['libz.so.1'] }),
      'usr/lib/libz.so.1': library('libz.so.1'),
      'usr/lib/x86_64-linux-gnu/libz.so.1': library('libz.so.1'),
    },
    paths: ['app', 'lib/ld-musl-x86_64.so.1', 'own/liba.so', 'own/libb.so', 'usr/lib/libz.so.1'],
  },
  {
    name: 'musl with a file of directories',
    files: {
      app: elf({ interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['liba.so'] }),
      'lib/ld-musl-x86_64.so.1': elf({ soname: 'ld' }),
      'etc/ld-musl-x86_64.path': '/only\n',
      'usr/lib/liba.so': library('liba.so'),
      'only/liba.so': library('liba.so'),
    },
    paths: ['app', 'lib/ld-musl-x86_64.so.1', 'only/liba.so'],
  },
  {
    name: 'a script, its interpreter, and what env starts',
    files: {
      ...GLIBC,
      app: '#!/usr/bin/env -S python3 -u\n',
      'usr/bin/env': program([]),
      'usr/local/bin/python3': '-> /opt/python',
      'opt/python': program(['liba.so']),
      'lib/liba.so': library('liba.so'),
    },
    options: { path: ['/bin', '/usr/local/bin'] },
    paths: [
      'app',
      'lib/liba.so',
      'lib64/ld-linux-x86-64.so.2',
      'opt/python',
      'usr/bin/env',
      'usr/local/bin/python3',
    ],
  },
  {
    name: 'a script with the line ends of Windows has an interpreter that is not there',
    files: { app: '#!/bin/sh\r\nexit\r\n', 'bin/sh': elf() },
    paths: ['app'],
    missing: [{ kind: 'interpreter', name: '/bin/sh\r', neededBy: '/app', searched: [] }],
  },
  {
    name: 'a directory: all that is in it, and what its programs need',
    files: {
      ...GLIBC,
      'app/bin/one': program(['liba.so']),
      'app/data': 'text',
      'app/link': '-> /usr/bin/two',
      'usr/bin/two': program(['libb.so']),
      'lib/liba.so': library('liba.so'),
      'lib/libb.so': library('libb.so'),
    },
    paths: [
      'app/bin/one',
      'app/data',
      'app/link',
      'lib/liba.so',
      'lib/libb.so',
      'lib64/ld-linux-x86-64.so.2',
      'usr/bin/two',
    ],
  },
  {
    name: 'what is missing, each with who needs it and where it was looked for',
    files: { app: program(['libgone.so'], { runpath: '/own' }), script: '#!/bin/gone\n' },
    options: { roots: ['/app', '/script', '/nothing'] },
    paths: ['app', 'script'],
    missing: [
      { kind: 'interpreter', name: LD, neededBy: '/app', searched: [] },
      {
        kind: 'library',
        name: 'libgone.so',
        neededBy: '/app',
        searched: [
          '/own',
          '/lib/x86_64-linux-gnu',
          '/usr/lib/x86_64-linux-gnu',
          '/lib64',
          '/usr/lib64',
          '/lib',
          '/usr/lib',
        ],
      },
      { kind: 'interpreter', name: '/bin/gone', neededBy: '/script', searched: [] },
      { kind: 'root', name: '/nothing', neededBy: '/nothing', searched: [] },
    ],
  },
];

describe('all that a program needs', () => {
  test.for(CASES)('$name', async ({ files, options, paths, missing = [] }) => {
    const closure = await closureOf(filesystem(files), { roots: ['/app'], ...options });
    expect(closure).toEqual({ paths: [...paths].sort(), missing });
  });

  test('a damaged library is named', async () => {
    const damaged = library('liba.so').subarray(0, 80);
    const files = filesystem({ ...GLIBC, app: program(['liba.so']), 'lib/liba.so': damaged });
    await expect(closureOf(files, { roots: ['/app'] })).rejects.toMatchObject({
      code: 'ELF_INVALID',
      message: expect.stringContaining('"/lib/liba.so"') as unknown,
    });
  });
});
