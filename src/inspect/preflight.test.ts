import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { elf } from '../elf/test-elf.ts';
import { filesystem, type TestFiles } from '../elf/test-filesystem.ts';
import type { ContainerConfig } from '../oci/index.ts';
import { PREFLIGHT_RULES, type PreflightRule } from './finding.ts';
import { preflight } from './preflight.ts';

const LD = '/lib64/ld-linux-x86-64.so.2';
const GLIBC = { 'lib64/ld-linux-x86-64.so.2': elf({ soname: 'ld' }) };
const SH = { 'bin/sh': elf() };
const PASSWD = { 'etc/passwd': 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' };
const BUNDLE = { 'etc/ssl/certs/ca-certificates.crt': 'x' };
const MARKED = Buffer.concat([elf(), Buffer.from('\0/usr/lib/ssl/certs\0')]);

type Case = {
  readonly name: string;
  readonly config: ContainerConfig;
  readonly files: TestFiles;
  readonly architecture?: string;
  /** Rules with a part of their message and hint. */
  readonly want: readonly (readonly [PreflightRule, message: string, hint?: string])[];
};

const START = { Cmd: ['/app'] };

const BROKEN: readonly Case[] = [
  {
    name: 'a program that is not there, with one of a similar name',
    config: { Entrypoint: ['/usr/bin/sever'] },
    files: { 'usr/bin/server': elf() },
    want: [['CommandNotFound', 'ENTRYPOINT "/usr/bin/sever": there is no such file', '"/usr/bin/server"']],
  },
  {
    name: 'a program that is not in PATH',
    config: { Cmd: ['server'], Env: ['PATH=/bin:/usr/bin'] },
    files: { 'app/server': elf() },
    want: [
      [
        'CommandNotFound',
        '"server": it is in none of the directories of PATH (/bin:/usr/bin)',
        '"/app/server"',
      ],
    ],
  },
  {
    name: 'a link to nothing',
    config: START,
    files: { app: '-> opt/app' },
    want: [['CommandNotFound', 'the link "/app" leads to "/opt/app"']],
  },
  {
    name: 'a path below a file',
    config: { Cmd: ['/app/run'] },
    files: { app: elf() },
    want: [['CommandNotFound', 'no such file']],
  },
  {
    name: 'a directory',
    config: START,
    files: { 'app/': {} },
    want: [['CommandNotAFile', 'it is a directory']],
  },
  {
    name: 'a file without a right to execute it, for root too',
    config: START,
    files: { app: { data: elf(), mode: 0o644 } },
    want: [['CommandNotExecutable', 'root may not execute it: its mode is 0644', '--chmod=755']],
  },
  {
    name: 'a file of root alone for another user',
    config: { ...START, User: 'app' },
    files: { ...PASSWD, app: { data: elf(), mode: 0o700 } },
    want: [['CommandNotExecutable', 'the user "app" may not execute it']],
  },
  {
    name: 'a file in a directory of root alone, behind a link',
    config: { ...START, User: '1000:1000' },
    files: { app: '-> root/bin/app', 'root/': { mode: 0o700 }, 'root/bin/app': elf() },
    want: [['CommandNotExecutable', 'may not enter the directory "/root"']],
  },
  {
    name: 'a script that its user may not read',
    config: { ...START, User: '1000' },
    files: { ...SH, app: { data: '#!/bin/sh\n', mode: 0o711 } },
    want: [['CommandNotExecutable', 'may not read the script']],
  },
  {
    name: 'a script without its first line',
    config: START,
    files: { app: 'echo hello\n' },
    want: [['CommandNotAProgram', 'neither an ELF program nor a script', '#!/bin/sh']],
  },
  {
    name: 'a program for macOS',
    config: START,
    files: { app: Buffer.from('cffaedfe07000001', 'hex') },
    want: [['CommandNotAProgram', 'macOS', 'built for Linux']],
  },
  {
    name: 'a script behind a byte order mark',
    config: START,
    files: { ...SH, app: '\ufeff#!/bin/sh\n' },
    want: [['CommandNotAProgram', 'byte order mark']],
  },
  { name: 'an empty file', config: START, files: { app: '' }, want: [['CommandNotAProgram', 'it is empty']] },
  {
    name: 'a damaged program',
    config: START,
    files: { app: elf().subarray(0, 70) },
    want: [['CommandNotAProgram', '"/app": the ELF file ends at 70']],
  },
  {
    name: 'a program for another processor',
    config: START,
    files: { app: elf({ machine: 183 }) },
    want: [
      ['CommandOtherArchitecture', 'for arm64, and the image is for linux/amd64', '--platform linux/arm64'],
    ],
  },
  {
    name: 'a script whose interpreter is for another processor',
    config: START,
    files: { app: '#!/bin/sh\n', 'bin/sh': elf({ machine: 62 }) },
    architecture: 'arm64',
    want: [['CommandOtherArchitecture', 'its interpreter "/bin/sh": it is a program for amd64']],
  },
  {
    name: 'a program of glibc on a base with musl',
    config: START,
    files: { app: elf({ interpreter: LD }), 'lib/ld-musl-x86_64.so.1': elf() },
    want: [['InterpreterNotFound', `loaded by "${LD}", which is not in the image, and the image has musl`]],
  },
  {
    name: 'a script with the line ends of Windows',
    config: START,
    files: { ...SH, app: '#!/bin/sh\r\nexit\r\n' },
    want: [['InterpreterNotFound', 'names "/bin/sh\\r"', 'line ends of Windows']],
  },
  {
    name: 'a script whose interpreter is a script without one',
    config: START,
    files: { app: '#!/run\n', run: '#!/bin/gone\n' },
    want: [['InterpreterNotFound', 'its interpreter "/run": its first line names "/bin/gone"']],
  },
  {
    name: 'what env is told to start',
    config: START,
    files: { app: '#!/usr/bin/env python3\n', 'usr/bin/env': elf() },
    want: [['InterpreterNotFound', '"/app" is run by "python3"']],
  },
  {
    name: 'libraries, of libraries too',
    config: START,
    files: {
      ...GLIBC,
      app: elf({ interpreter: LD, needed: ['liba.so', 'libgone.so'] }),
      'lib/liba.so': elf({ soname: 'liba.so', needed: ['libb.so'] }),
    },
    want: [
      ['LibraryNotFound', '"/app" needs "libgone.so", "libb.so", which are not in the image', '--closure'],
    ],
  },
  {
    name: 'a shell form without a shell',
    config: { Cmd: ['/bin/sh', '-c', '/app --port 80'] },
    files: { app: elf() },
    want: [['ShellNotFound', 'CMD is started by the shell "/bin/sh"', 'write it as a list']],
  },
  {
    name: 'a health check in shell form without a shell',
    config: { Cmd: ['/app'], Healthcheck: { Test: ['CMD-SHELL', '/app --check'] } },
    files: { app: elf() },
    want: [['ShellNotFound', 'HEALTHCHECK is started by the shell']],
  },
  {
    name: 'a health check by a program that is not there',
    config: { Cmd: ['/app'], Healthcheck: { Test: ['CMD', 'curl', '-f', 'http://localhost'] } },
    files: { app: elf() },
    want: [['CommandNotFound', 'HEALTHCHECK "curl"']],
  },
  {
    name: 'a program behind an init that is not there',
    config: { Entrypoint: ['/sbin/tini', '-g', '--'], Cmd: ['/gone', '--', 'x'] },
    files: { 'sbin/tini': elf() },
    want: [['CommandNotFound', 'CMD "/gone": there is no such file']],
  },
  {
    name: 'a plain line of a shell that starts what is not there',
    config: { Cmd: ['/app'], Healthcheck: { Test: ['CMD-SHELL', 'curl -f "http://a/b" || exit 1'] } },
    files: { ...SH, app: elf() },
    want: [['CommandNotFound', 'HEALTHCHECK "curl"']],
  },
  {
    name: 'a list that is not JSON and became the line of a shell',
    config: { Cmd: ['/bin/sh', '-c', `["/app", '--flag']`] },
    files: { ...SH, app: elf() },
    want: [['BrokenListForm', 'a shell is started with "[\\"/app\\", \'--flag\']"', 'double quotes']],
  },
  {
    name: 'a user that the image does not have',
    config: { ...START, User: 'ap' },
    files: { ...PASSWD, app: elf() },
    want: [['UserNotFound', 'there is no user "ap" in /etc/passwd', 'did you mean app?']],
  },
  {
    name: 'a group that the image does not have',
    config: { User: '1000:web' },
    files: PASSWD,
    want: [['UserNotFound', 'there is no group "web" in /etc/group']],
  },
  {
    name: 'a working directory that is a file',
    config: { WorkingDir: '/app' },
    files: { app: elf() },
    want: [['WorkdirNotUsable', 'WORKDIR "/app" is not a directory']],
  },
  {
    name: 'a working directory below a file',
    config: { WorkingDir: '/app/data' },
    files: { app: elf() },
    want: [['WorkdirNotUsable', 'WORKDIR "/app/data" cannot be entered: "/app" in "/app/data"']],
  },
  {
    name: 'a working directory that is not absolute',
    config: { WorkingDir: 'app' },
    files: {},
    want: [['WorkdirNotUsable', 'is not absolute']],
  },
  {
    name: 'a static program with a TLS library inside and no certificates',
    config: START,
    files: { app: MARKED },
    want: [['CertificatesNotFound', 'CMD "/app" contains a TLS library', 'ca-certificates']],
  },
  {
    name: 'a program that uses a TLS library and no certificates',
    config: START,
    files: {
      ...GLIBC,
      app: elf({ interpreter: LD, needed: ['libssl.so.3'] }),
      'usr/lib/libssl.so.3': elf({ soname: 'libssl.so.3' }),
    },
    want: [['CertificatesNotFound', 'uses "/usr/lib/libssl.so.3"']],
  },
  {
    name: 'a time zone that the image names and does not have',
    config: { Env: ['TZ=Europe/Berlin'] },
    files: {},
    want: [['TimezoneNotFound', 'ENV TZ=Europe/Berlin', 'tzdata']],
  },
];

const FINE: readonly Omit<Case, 'want'>[] = [
  { name: 'no command at all', config: {}, files: {} },
  { name: 'a static program', config: START, files: { app: elf() } },
  { name: 'a program by its name', config: { Cmd: ['app'] }, files: { 'usr/local/bin/app': elf() } },
  {
    name: 'a program relative to the working directory, which is made later',
    config: { Cmd: ['../app'], WorkingDir: '/srv' },
    files: { app: elf() },
  },
  {
    name: 'the second of two of a name, of which the first may not be executed',
    config: { Cmd: ['app'], Env: ['PATH=/a:/b'] },
    files: { 'a/app': { data: elf(), mode: 0o644 }, 'b/app': elf() },
  },
  {
    name: 'libraries that LD_LIBRARY_PATH leads to',
    config: { ...START, Env: ['LD_LIBRARY_PATH=/own'] },
    files: {
      ...GLIBC,
      app: elf({ interpreter: LD, needed: ['liba.so'] }),
      'own/liba.so': elf({ soname: 'liba.so' }),
    },
  },
  {
    name: 'what a volume may bring, and what the kernel does',
    config: {
      Cmd: ['/data/run'],
      Volumes: { '/data': {} },
      Healthcheck: { Test: ['CMD', '/proc/self/exe'] },
    },
    files: {},
  },
  {
    name: 'a working directory that the user may not enter: runtimes do it before',
    config: { WorkingDir: '/root', User: '1000' },
    files: { 'root/': { mode: 0o700 } },
  },
  {
    name: 'a program of a group, for a user who is a member',
    config: { ...START, User: 'app' },
    files: { ...PASSWD, 'etc/group': 'staff:x:50:app\n', app: { data: elf(), mode: 0o750, gid: 50 } },
  },
  {
    name: 'programs of 32 bits where the processor runs them',
    config: START,
    files: { app: elf({ bits: 32, machine: 3 }) },
  },
  {
    name: 'lines of a shell that only a shell understands',
    config: {
      Cmd: ['/bin/sh', '-c', '[ "$A" = b ] && exec gone'],
      Healthcheck: { Test: ['CMD-SHELL', 'curl -f http://a || wget http://a'] },
    },
    files: SH,
  },
  {
    name: 'programs that are in busybox itself',
    config: { Cmd: ['/bin/sh', '-c', 'sleep 1'] },
    files: { 'bin/sh': '-> busybox', 'bin/busybox': elf() },
  },
  {
    name: 'words behind an init that does not say where its flags end, and behind other programs',
    config: { Entrypoint: ['/sbin/tini', 'gone'], Healthcheck: { Test: ['CMD', '/app', '--', 'gone'] } },
    files: { 'sbin/tini': elf(), app: elf() },
  },
  { name: 'a health check that is turned off', config: { Healthcheck: { Test: ['NONE'] } }, files: {} },
  { name: 'a TLS library with certificates', config: START, files: { ...BUNDLE, app: MARKED } },
  {
    name: 'a TLS library that is told where certificates are',
    config: { ...START, Env: ['SSL_CERT_FILE=/run/ca.pem'] },
    files: { app: MARKED },
  },
  {
    name: 'the directory of time zones as a text in the program alone',
    config: START,
    files: { app: Buffer.concat([elf(), Buffer.from('/usr/share/zoneinfo')]) },
  },
  { name: 'UTC by its name', config: { Env: ['TZ=UTC'] }, files: {} },
  {
    name: 'an architecture that is not known here',
    config: START,
    files: { app: elf() },
    architecture: 'wasm',
  },
];

const look = ({ config, files, architecture = 'amd64' }: Omit<Case, 'want'>): ReturnType<typeof preflight> =>
  preflight({ config, platform: { os: 'linux', architecture }, filesystem: filesystem(files) });

describe('preflight', () => {
  test.for(BROKEN)('finds $name', async (one) => {
    const findings = await look(one);
    expect(findings.map(({ rule }) => rule)).toEqual(one.want.map(([rule]) => rule));
    for (const [i, [, message, hint = '']] of one.want.entries()) {
      expect(findings[i]?.message).toContain(message);
      expect(findings[i]?.hint ?? '').toContain(hint);
    }
  });

  test.for(FINE)('has nothing to say of $name', async (one) => {
    expect(await look(one)).toEqual([]);
  });

  test('leaves images of other systems alone', async () => {
    const platform = { os: 'windows', architecture: 'amd64' };
    expect(await preflight({ config: START, platform, filesystem: filesystem({}) })).toEqual([]);
  });

  test('has every rule in the table of broken images and in the documentation', () => {
    const page = readFileSync(new URL('../../docs/preflight.md', import.meta.url), 'utf8');
    const tried = new Set(BROKEN.flatMap(({ want }) => want.map(([rule]) => rule)));
    const rules = Object.keys(PREFLIGHT_RULES);
    expect([...tried].sort()).toEqual([...rules].sort());
    for (const [rule, { runtime }] of Object.entries(PREFLIGHT_RULES)) {
      expect(page).toContain(`| ${rule} `);
      expect(page).toContain(runtime);
    }
  });
});
