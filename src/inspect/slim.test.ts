import { describe, expect, test } from 'vitest';
import { elf } from '../elf/test-elf.ts';
import { filesystem, type TestFiles } from '../elf/test-filesystem.ts';
import type { ContainerConfig, Digest } from '../oci/index.ts';
import type { ImageContents } from './image-contents.ts';
import { planSlim, type SlimPlan } from './slim.ts';

const LD = '/lib64/ld-linux-x86-64.so.2';
const GLIBC = {
  'lib64/ld-linux-x86-64.so.2': elf({ soname: 'ld' }),
  'lib/libc.so.6': elf({ soname: 'libc.so.6' }),
};
const dynamic = (...needed: readonly string[]): Buffer =>
  elf({ interpreter: LD, needed: ['libc.so.6', ...needed] });
const OTHERS = { 'usr/bin/other': elf(), 'usr/share/doc/text': 'x', 'opt/data/': {} };

type Spec = {
  readonly config: ContainerConfig;
  readonly files: TestFiles;
  readonly paths?: readonly string[];
};

function plan({ config, files, paths = [] }: Spec): Promise<SlimPlan> {
  const platform = { os: 'linux', architecture: 'amd64' };
  const image: ImageContents = {
    id: 'sha256:0' as Digest,
    platform,
    config: { ...platform, config, rootfs: { type: 'layers', diff_ids: [] } },
    layers: [],
    filesystem: filesystem({ ...OTHERS, ...files }),
  };
  return planSlim(image, paths);
}

/** What is kept, but for directories that are only on the way. */
const leaves = ({ entries }: SlimPlan): string[] =>
  entries
    .map(({ path }) => path)
    .filter((path, _, all) => !all.some((one) => one.startsWith(`${path}/`)))
    .sort();

describe('a slim image', () => {
  test.for<Spec & { name: string; want: readonly string[]; notes?: RegExp }>([
    {
      name: 'has a static program, accounts and directories that programs expect',
      config: { Cmd: ['/app'], User: 'web', WorkingDir: '/srv' },
      files: {
        app: elf(),
        'etc/passwd': 'web:x:1:1::/home/web:/bin/sh\n',
        'etc/group': '',
        'etc/shadow': '',
        'tmp/': { mode: 0o1777 },
        'tmp/left': 'x',
        'srv/': {},
        'home/web/': {},
        'home/web/.profile': 'x',
        'root/': {},
      },
      want: ['app', 'etc/group', 'etc/passwd', 'home/web', 'srv', 'tmp'],
    },
    {
      name: 'has loaders, libraries, links, and what the C library opens later',
      config: { Entrypoint: ['app'] },
      files: {
        ...GLIBC,
        'usr/bin/app': '-> ../../opt/app',
        'opt/app': dynamic('liba.so'),
        'lib/liba.so': elf({ soname: 'liba.so' }),
        'lib/libb.so': elf({ soname: 'libb.so' }),
        'lib/libgcc_s.so.1': elf({ soname: 'libgcc_s.so.1' }),
        'etc/ld.so.cache': 'cache',
        'etc/nsswitch.conf': 'hosts: files dns',
      },
      want: [
        'etc/ld.so.cache',
        'etc/nsswitch.conf',
        'lib/liba.so',
        'lib/libc.so.6',
        'lib/libgcc_s.so.1',
        'lib64/ld-linux-x86-64.so.2',
        'opt/app',
        'usr/bin/app',
      ],
    },
    {
      name: 'has certificates for a program with a TLS library, and what they are links to',
      config: { Cmd: ['/app'] },
      files: {
        ...GLIBC,
        app: dynamic('libssl.so.3'),
        'lib/libssl.so.3': elf({ soname: 'libssl.so.3' }),
        'etc/ssl/certs/one.pem': '-> /usr/share/ca/one.crt',
        'usr/share/ca/one.crt': 'x',
        'etc/ssl/private/key': 'x',
      },
      want: [
        'app',
        'etc/ssl/certs/one.pem',
        'lib/libc.so.6',
        'lib/libssl.so.3',
        'lib64/ld-linux-x86-64.so.2',
        'usr/share/ca/one.crt',
      ],
    },
    {
      name: 'has no certificates for other programs, and the zone of TZ',
      config: { Cmd: ['/app'], Env: ['TZ=Europe/Berlin'] },
      files: {
        app: elf(),
        'etc/ssl/certs/one.pem': 'x',
        'usr/share/zoneinfo/Europe/Berlin': 'x',
        'usr/share/zoneinfo/Europe/Paris': 'x',
      },
      want: ['app', 'etc', 'usr/share/zoneinfo/Europe/Berlin'],
    },
    {
      name: 'has what the command line names, and the program of a health check',
      config: {
        Entrypoint: ['/tini', '--', 'app'],
        Cmd: ['--config=/etc/app/a.conf', '/data/set', '/usr'],
        Healthcheck: { Test: ['CMD', '/check'] },
      },
      files: {
        tini: elf(),
        'bin/app': elf(),
        check: elf(),
        'etc/app/a.conf': 'x',
        'etc/app/b.conf': 'x',
        'data/set/one': 'x',
        'data/two': 'x',
      },
      want: ['bin/app', 'check', 'data/set/one', 'etc/app/a.conf', 'tini'],
    },
    {
      name: 'has the shell of a plain line, and what that starts',
      config: { Cmd: ['/bin/sh', '-c', 'exec app --port 80'] },
      files: { 'bin/sh': '-> dash', 'bin/dash': elf(), 'bin/app': elf() },
      want: ['bin/app', 'bin/dash', 'bin/sh'],
    },
    {
      name: 'has named paths and patterns, where a script would be refused',
      config: { Entrypoint: ['/run.sh'] },
      files: {
        'run.sh': '#!/bin/sh\n',
        'bin/sh': elf(),
        'app/a.txt': 'x',
        'app/b.txt': 'x',
        'app/c': 'x',
        'usr/bin/sed': elf(),
      },
      paths: ['/app/*.txt', 'usr/bin/sed'],
      want: ['app/a.txt', 'app/b.txt', 'bin/sh', 'run.sh', 'usr/bin/sed'],
      notes: /^ENTRYPOINT "\/run.sh" is a script for "\/bin\/sh": whether all/,
    },
    {
      name: 'says what it leaves out of the working directory',
      config: { Cmd: ['/app/bin'], WorkingDir: '/app' },
      files: { 'app/bin': elf(), 'app/public/a': 'x', 'app/public/b': 'x' },
      want: ['app/bin'],
      notes: /^2 files of the working directory "\/app" are left out: name it to keep them$/,
    },
    {
      name: 'has the programs that are in busybox by their own names',
      config: { Cmd: ['httpd', '-f'] },
      files: { 'bin/httpd': '-> busybox', 'bin/busybox': elf() },
      want: ['bin/busybox', 'bin/httpd'],
    },
    {
      name: 'has certificates for a named program, too',
      config: {},
      files: { 'bin/fetch': Buffer.concat([elf(), Buffer.from('/etc/ssl/certs')]), 'etc/ssl/cert.pem': 'x' },
      paths: ['/bin/fetch'],
      want: ['bin/fetch', 'etc/ssl/cert.pem'],
    },
  ])('$name', async ({ want, notes, ...spec }) => {
    const slim = await plan(spec);
    expect(leaves(slim)).toEqual([...want].sort());
    expect(slim.missing).toEqual([]);
    expect(slim.notes.join('\n')).toMatch(notes ?? /^$/);
    expect(slim.leftOut.files).toBeGreaterThanOrEqual(2);
  });

  test('keeps modes, owners and hard links as they are', async () => {
    const files = { app: { data: elf(), uid: 5, mode: 0o4711 }, 'srv/': { mode: 0o700, gid: 7 } };
    const { entries, kept } = await plan({ config: { Cmd: ['/app'], WorkingDir: '/srv' }, files });
    expect(entries).toMatchObject([
      { path: 'app', node: { uid: 5, mode: 0o4711 } },
      { path: 'srv', node: { mode: 0o700, gid: 7 } },
    ]);
    expect(kept).toEqual({ bytes: elf().length, files: 1 });
  });

  test.for<Spec & { name: string; code: string; message: string }>([
    {
      name: 'a script',
      config: { Cmd: ['/run'] },
      files: { run: '#!/bin/sh\n', 'bin/sh': elf() },
      code: 'SLIM_UNKNOWN',
      message: 'CMD "/run" is a script for "/bin/sh"',
    },
    {
      name: 'an interpreter behind a wrapper',
      config: { Entrypoint: ['tini', '--'], Cmd: ['python3', '/a.py'] },
      files: { 'bin/tini': elf(), 'usr/bin/python3': '-> python3.11', 'usr/bin/python3.11': elf() },
      code: 'SLIM_UNKNOWN',
      message: 'ENTRYPOINT "python3" is an interpreter',
    },
    {
      name: 'a line of a shell',
      config: { Cmd: ['/bin/sh', '-c', 'a && b'] },
      files: { 'bin/sh': elf() },
      code: 'SLIM_UNKNOWN',
      message: 'CMD is the line of a shell "a && b"',
    },
    {
      name: 'an image that starts nothing',
      config: {},
      files: {},
      code: 'SLIM_UNKNOWN',
      message: 'the image starts nothing',
    },
    {
      name: 'a program that is not there',
      config: { Cmd: ['/gone'] },
      files: {},
      code: 'PATH_NOT_FOUND',
      message: 'CMD "/gone": there is no such file',
    },
    {
      name: 'a path that is not there',
      config: { Cmd: ['/app'] },
      files: { app: elf() },
      paths: ['/usr/bin/othr'],
      code: 'PATH_NOT_FOUND',
      message: 'there is no "/usr/bin/othr"',
    },
  ])('is refused for $name', async ({ code, message, ...spec }) => {
    await expect(plan(spec)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as unknown,
    });
  });

  test('tells what programs need and the image does not have', async () => {
    const files = { ...GLIBC, app: dynamic('libgone.so') };
    const { missing } = await plan({ config: { Cmd: ['/app'] }, files });
    expect(missing).toMatchObject([{ name: 'libgone.so', neededBy: '/app' }]);
  });
});
