import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/solve/index.ts';
import type { Entry, Inode, LayerId } from '../../src/tree/index.ts';
import {
  baseEntries,
  changeOf,
  dir,
  file,
  openRuntime,
  ROOT,
  request,
  run,
  symlink,
  TestStore,
} from './sandbox-support.ts';

const IS_ROOT = process.getuid?.() === 0;
let store: TestStore;
let runtime: Runtime;
let base: LayerId;

beforeAll(() => {
  store = new TestStore();
  runtime = openRuntime(store);
  base = store.write(baseEntries());
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await store.remove();
});

/** Runs a shell script over the base and further layers, and answers with its change. */
async function change(script: string, ...layers: readonly LayerId[]): Promise<Map<string, Entry>> {
  return changeOf(await run(runtime, request([base, ...layers], { argv: ['/bin/sh', '-ec', script] })));
}

async function output(
  script: string,
  more: Parameters<typeof request>[1] = {},
  layers: readonly LayerId[] = [],
): Promise<string> {
  const { out, err, result } = await run(
    runtime,
    request([base, ...layers], { argv: ['/bin/sh', '-ec', script], ...more }),
  );
  if (!result.ok) throw new Error(`exit ${result.exitCode}: ${err}`);
  return out;
}

function inode(entries: Map<string, Entry>, path: string): Inode {
  const entry = entries.get(`node ${path}`);
  if (entry?.kind !== 'node') throw new Error(`no ${path} in ${[...entries.keys()].join()}`);
  return entry.node;
}

describe('what a command sees', () => {
  test.for([
    { name: 'standard output', script: 'echo hello', want: 'hello\n' },
    {
      name: 'only the environment it was given',
      script: 'env | grep -v _=',
      want: 'HOME=/root\nPATH=/usr/bin:/bin\nPWD=/\n',
    },
    { name: 'the host name', script: 'uname -n', want: 'lapidary\n' },
    { name: 'itself as process 1 of a namespace', script: 'echo $$', want: '1\n' },
    { name: 'the umask of a login', script: 'umask', want: '0022\n' },
    { name: 'the soft limit of open files that programs expect', script: 'ulimit -n', want: '1024\n' },
    { name: 'name service', script: 'grep -c localhost /etc/hosts; test -e /etc/resolv.conf', want: '2\n' },
    { name: 'standard output that can be opened again', script: 'echo again > /dev/stdout', want: 'again\n' },
    {
      name: 'the usual devices',
      script: 'echo a > /dev/null; head -c 3 /dev/zero | cat -v; ls /dev/pts',
      want: '^@^@^@ptmx\n',
    },
  ])('$name', async ({ script, want }) => {
    expect(await output(script)).toBe(want);
  });

  test('the working directory and the user', async () => {
    const user = { uid: 1000, gid: 1001, groups: [1001, 7] };
    expect(await output('pwd; id -u; id -g; id -G; echo x > /dev/stdout', { cwd: '/var', user })).toBe(
      '/var\n1000\n1001\n1001 7\nx\n',
    );
  });

  test('the capabilities of a Docker container and a filter', async () => {
    const status = await output('cat /proc/self/status');
    expect(status).toMatch(/CapEff:\s00000000a80425fb/);
    expect(status).toMatch(/CapBnd:\s00000000a80425fb/);
    expect(status).toMatch(/CapInh:\s0000000000000000/);
    expect(status).toMatch(/Seccomp:\s2/);
    expect(status).toMatch(/NoNewPrivs:\s0/);
  });

  test('standard input', async () => {
    expect(await output('cat', { stdin: Buffer.from('a\nb') })).toBe('a\nb');
    expect(await output('cat; echo end')).toBe('end\n');
  });

  test('files for the time of the run, which leave nothing behind', async () => {
    const bytes = Buffer.from('#!/bin/sh\necho "script $0"\n');
    const files = [{ path: '/dev/pipes/EOF', bytes, mode: 0o755 }];
    const user = { uid: 1000, gid: 1000, groups: [] };
    const ran = await run(runtime, request([base], { argv: ['/dev/pipes/EOF'], files, user }));
    expect(ran.out).toBe('script /dev/pipes/EOF\n');
    expect([...changeOf(ran).keys()]).toEqual([]);
  });

  test('no network but loopback when there is to be none', async () => {
    const table = await output('cat /proc/net/dev', { network: 'none' });
    expect([...table.matchAll(/^ *(\S+):/gm)].map(([, name]) => name)).toEqual(['lo']);
  });
});

describe('what a command cannot do', () => {
  test.for([
    { name: 'mount', script: 'mount -t tmpfs none /tmp' },
    { name: 'write below /proc/sys', script: 'echo x > /proc/sys/kernel/hostname' },
    { name: 'write below /sys', script: 'echo x > /sys/kernel/uevent_helper' },
    { name: 'read the memory of the kernel', script: 'head -c 10 /proc/kcore | grep .' },
  ])('$name', async ({ script }) => {
    const { result } = await run(runtime, request([base], { argv: ['/bin/sh', '-c', script] }));
    expect(result.ok).toBe(false);
  });
});

describe('how a command ends', () => {
  test.for([
    { name: 'its exit code', argv: ['/bin/sh', '-c', 'exit 3'], want: { ok: false, exitCode: 3 } },
    {
      name: 'a signal',
      argv: ['/bin/sh', '-c', 'sh -c "kill -9 \\$\\$"'],
      want: { ok: false, exitCode: 137, signal: 'SIGKILL' },
    },
    { name: '127 when there is no such program', argv: ['/bin/nope'], want: { ok: false, exitCode: 127 } },
    { name: '127 when it is not in PATH', argv: ['nope'], want: { ok: false, exitCode: 127 } },
    { name: '126 when it is a directory', argv: ['/bin'], want: { ok: false, exitCode: 126 } },
  ])('$name', async ({ argv, want }) => {
    const { result } = await run(runtime, request([base], { argv }));
    expect(result).toEqual(want);
  });

  test('background processes end with it', async () => {
    const { result } = await run(
      runtime,
      request([base], { argv: ['/bin/sh', '-c', 'sleep 1000 & exit 0'] }),
    );
    expect(result.ok).toBe(true);
  });

  test('no byte of much output is lost', async () => {
    const { out, err } = await run(
      runtime,
      request([base], { argv: ['/bin/sh', '-c', 'seq 1 200000; seq 1 100000 >&2'] }),
    );
    expect([out.length, err.length]).toEqual([1_288_895, 588_895]);
    expect(out.endsWith('\n200000\n')).toBe(true);
  });
});

describe('the change a command made', () => {
  test('nothing', async () => {
    expect([...(await change('cat /etc/passwd; ls -R /tmp')).keys()]).toEqual([]);
  });

  test('does not hold the mount points', async () => {
    expect([...(await change('echo x > /etc/new')).keys()]).toEqual(['node etc', 'node etc/new']);
  });

  test('a file, with its contents', async () => {
    const entries = await change(
      'umask 027; echo hello > /var/f; chmod 4755 /var/f; chown 12:34 /var/f; touch -d "2001-02-03 04:05:06.123456789Z" /var/f',
    );
    const node = inode(entries, 'var/f');
    expect(node).toMatchObject({
      type: 'file',
      size: 6,
      mode: 0o755,
      uid: 12,
      gid: 34,
      mtime: 981_173_106,
      mtimeNs: 123_456_789,
    });
    if (node.type !== 'file' || node.content.kind !== 'tree') throw new Error('not in a tree');
    expect(readFileSync(`${store.paths.trees}/${node.content.tree}/${node.content.path}`, 'utf8')).toBe(
      'hello\n',
    );
    expect(node.digest).toBe('sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03');
  });

  test('setuid, links, pipes and names that are not UTF-8', async () => {
    const entries = await change(
      'cd /var; echo x > a; chmod 4711 a; ln a b; ln -s nowhere l; mkfifo p; echo y > "$(printf "\\377n")"',
    );
    expect(inode(entries, 'var/a')).toMatchObject({ type: 'file', mode: 0o4711 });
    expect(entries.get('hardlink var/b')).toEqual({ kind: 'hardlink', path: 'var/b', target: 'var/a' });
    expect(inode(entries, 'var/l')).toMatchObject({ type: 'symlink', target: 'nowhere' });
    expect(inode(entries, 'var/p')).toMatchObject({ type: 'fifo' });
    expect(inode(entries, 'var/\udcffn')).toMatchObject({ type: 'file', size: 2 });
  });

  test('devices, where root of the machine makes them', async () => {
    const script = 'cd /var; mknod c c 5 6 && mknod d b 259 300 || rm -f c d; true';
    const entries = await change(script);
    const made = ['c', 'd'].map((name) => entries.get(`node var/${name}`));
    const want = [
      { node: { type: 'char', major: 5, minor: 6 } },
      { node: { type: 'block', major: 259, minor: 300 } },
    ];
    expect(made).toMatchObject(IS_ROOT ? want : [undefined, undefined]);
  });

  test('a whiteout for what was removed, none for what came and went', async () => {
    const entries = await change('rm /etc/passwd; echo x > /var/f; rm /var/f');
    expect([...entries.keys()]).toEqual(['node etc', 'whiteout etc/passwd', 'node var']);
  });

  test('the capabilities of a file that is touched', async () => {
    const xattrs = new Map([
      ['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
    ]);
    const lower = store.write([dir('d'), file('d/x', '1', { xattrs })]);
    const entries = await change('touch -d @5 /d/x', lower);
    expect(Buffer.from(inode(entries, 'd/x').xattrs?.get('security.capability') ?? [])).toEqual(
      xattrs.get('security.capability'),
    );
  });

  test('an opaque directory where one replaced another', async () => {
    const lower = store.write([dir('d'), file('d/old', '1'), dir('d/sub'), file('d/sub/x', '2')]);
    const entries = await change('rm -r /d; mkdir /d /d/sub; echo 3 > /d/new', lower);
    expect([...entries.keys()].sort()).toEqual(['node d', 'node d/new', 'node d/sub', 'opaque d']);
  });

  test('a renamed directory of a lower layer, whole', async () => {
    const lower = store.write([dir('d'), file('d/x', '1'), dir('d/e'), file('d/e/y', '2')]);
    const entries = await change('mv /d /moved', lower);
    expect([...entries.keys()].sort()).toEqual([
      'node moved',
      'node moved/e',
      'node moved/e/y',
      'node moved/x',
      'whiteout d',
    ]);
  });

  test('drops what was touched but is the same in the end', async () => {
    const lower = store.write([dir('d'), file('d/x', '1'), file('d/y', '1', { mtime: 77, mtimeNs: 5 })]);
    const entries = await change(
      'chmod 600 /d/x; chmod 644 /d/x; cp -p /d/y /tmp/y; echo 2 > /d/y; echo -n 1 > /d/y; touch -r /tmp/y /d/y; rm /tmp/y',
      lower,
    );
    expect([...entries.keys()]).toEqual(['node tmp']);
    const tree = readdirSync(store.paths.trees).find((name) =>
      existsSync(`${store.paths.trees}/${name}/d/y`),
    );
    expect(lstatSync(`${store.paths.trees}/${tree}/d/y`).mtimeMs).toBe(77_000.000005);
  });

  test('keeps a file whose contents changed behind the same size and time', async () => {
    const lower = store.write([dir('d'), file('d/y', '1')]);
    const entries = await change(
      'cp -p /d/y /tmp/y; echo -n 2 > /d/y; touch -r /tmp/y /d/y; rm /tmp/y',
      lower,
    );
    expect(inode(entries, 'd/y')).toMatchObject({ size: 1, mtime: ROOT.mtime });
  });

  test('the root directory only when it is not its time alone', async () => {
    expect([...(await change('mkdir /new')).keys()]).toEqual(['node new']);
    expect([...(await change('chmod 711 /')).keys()]).toEqual(['node ']);
  });

  test('extended attributes', async () => {
    const lower = store.write([
      dir('d'),
      file('d/x', '1', { xattrs: new Map([['user.a', Buffer.from('1')]]) }),
    ]);
    const entries = await change('echo 2 > /d/x; cp --preserve=all /d/x /d/z', lower);
    for (const path of ['d/x', 'd/z'])
      expect(Buffer.from(inode(entries, path).xattrs?.get('user.a') ?? [])).toEqual(Buffer.from('1'));
  });

  test('is seen by the next command, as its layer says', async () => {
    const first = await change(
      'mkdir -p /a/b; echo 1 > /a/b/f; ln /a/b/f /a/g; rm /etc/passwd; chmod 1777 /a',
    );
    expect(first.size).toBeGreaterThan(4);
    const { result } = await run(
      runtime,
      request([base], { argv: ['/bin/sh', '-ec', 'mkdir /q; echo 1 > /q/f; chmod 751 /q'] }),
    );
    if (!result.ok) throw new Error('failed');
    expect(await output('cat /q/f; stat -c %a /q', {}, [result.layer.id])).toBe('1\n751\n');
  });
});

describe('layers on disk', () => {
  test('everything an entry can say', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const layer = store.write([
      dir('w', { mode: 0o2750, uid: 3, gid: 4, mtime: 5, mtimeNs: 6 }),
      file('w/f', 'x'.repeat(70_000), {
        mode: 0o6751,
        uid: 7,
        gid: 8,
        mtime: -9,
        mtimeNs: 10,
        xattrs: new Map([['security.capability', capability]]),
      }),
      { kind: 'hardlink', path: 'w/h', target: 'w/f' },
      symlink('w/s', '../etc/passwd'),
      { kind: 'node', path: 'w/c', node: { ...ROOT, type: 'char', major: 1, minor: 3 } },
      { kind: 'node', path: 'w/p', node: { ...ROOT, type: 'fifo', mode: 0o600 } },
      file('w/empty', ''),
    ]);
    const got = await output(
      'cd /w; stat -c "%n %f %u %g %.9Y %s %h" . f h s p empty; readlink s; stat -c "%n %f %t:%T" c || true',
      {},
      [layer],
    );
    expect(got.split('\n')).toEqual([
      '. 45e8 3 4 5.000000006 4096 2',
      'f 8de9 7 8 -8.999999990 70000 2',
      'h 8de9 7 8 -8.999999990 70000 2',
      's a1ff 0 0 1000000000.000000000 13 1',
      'p 1180 0 0 1000000000.000000000 0 1',
      'empty 81a4 0 0 1000000000.000000000 0 1',
      '../etc/passwd',
      // Nobody but root of the machine can make a device: others see nothing there
      ...(IS_ROOT ? ['c 21ed 1:3'] : []),
      '',
    ]);
  });

  test('a whiteout and an opaque directory hide what is below', async () => {
    const lower = store.write([dir('d'), file('d/a', '1'), file('d/b', '2'), dir('e'), file('e/old', '1')]);
    const upper = store.write([
      dir('d'),
      { kind: 'whiteout', path: 'd/a' },
      dir('e'),
      { kind: 'opaque', path: 'e' },
      file('e/new', '2'),
    ]);
    expect(await output('ls /d /e', {}, [lower, upper])).toBe('/d:\nb\n\n/e:\nnew\n');
  });

  test('a parent that the layer does not describe is as the layers below have it', async () => {
    const lower = store.write([dir('d', { mode: 0o750, uid: 5 })]);
    const gap = store.write([file('d/x', '1'), file('implied/y', '2')]);
    expect(await output('stat -c "%n %a %u" /d /implied', {}, [lower, gap])).toBe(
      '/d 750 5\n/implied 755 0\n',
    );
    const other = store.write([dir('d', { mode: 0o711, uid: 6 })]);
    expect(await output('stat -c "%n %a %u" /d', {}, [other, gap])).toBe('/d 711 6\n');
  });

  test('a whiteout below what is not there makes nothing', async () => {
    const layer = store.write([
      { kind: 'whiteout', path: 'nothing/here' },
      { kind: 'opaque', path: 'nor/here' },
      { kind: 'whiteout', path: 'etc/passwd' },
    ]);
    expect(await output('ls -d /no* 2>&1 || true; ls /etc', {}, [layer])).toBe(
      "ls: cannot access '/no*': No such file or directory\nhosts\nresolv.conf\n",
    );
  });

  test('a directory that was removed comes back as new', async () => {
    const lower = store.write([dir('d', { mode: 0o700 }), dir('d/e', { mode: 0o700 }), file('d/old', '1')]);
    const upper = store.write([{ kind: 'whiteout', path: 'd' }, file('d/e/new', '2')]);
    const got = await output('stat -c "%n %a" /d /d/*', {}, [lower, upper]);
    expect(got).toBe('/d 755\n/d/e 755\n');
  });

  test('a hard link to a file of a layer below', async () => {
    const lower = store.write([dir('d'), file('d/x', 'below', { mode: 0o640 })]);
    const upper = store.write([
      dir('d'),
      { kind: 'hardlink', path: 'd/y', target: 'd/x' },
      { kind: 'hardlink', path: 'd/z', target: 'd/x' },
    ]);
    expect(await output('cat /d/y /d/z; stat -c "%a %h" /d/y', {}, [lower, upper])).toBe('belowbelow640 2\n');
  });

  test('contents that are in another unpacked layer', async () => {
    const made = await change('mkdir /m; echo made > /m/f');
    const node = inode(made, 'm/f');
    const copy = store.write([dir('copied'), { kind: 'node', path: 'copied/g', node }]);
    expect(await output('cat /copied/g', {}, [copy])).toBe('made\n');
  });

  test('the root directory', async () => {
    const root = store.write([dir('', { mode: 0o700, uid: 9 })]);
    expect(await output('stat -c "%a %u" /', {}, [root])).toBe('700 9\n');
  });

  test.for([
    {
      name: 'resolv.conf that is a symbolic link',
      entries: [dir('etc'), symlink('etc/resolv.conf', '../run/none')],
    },
    { name: 'mount points that are files', entries: [file('proc', ''), symlink('sys', 'tmp')] },
  ])('$name', async ({ entries }) => {
    const layer = store.write(entries);
    expect(
      await output('cat /etc/resolv.conf > /dev/null; test -d /proc/self; test -d /sys/kernel; echo ok', {}, [
        layer,
      ]),
    ).toBe('ok\n');
    expect([...(await change('true', layer)).keys()]).toEqual([]);
  });

  test('an image of one static program, without any directory', async () => {
    const layer = store.write([file('hello', staticProgram(), { mode: 0o755 })]);
    const ran = await run(runtime, request([layer], { argv: ['/hello'] }));
    expect(ran.out).toBe('hello\n');
    expect([...changeOf(ran).keys()]).toEqual([]);
  });

  test('sixty layers', async () => {
    const layers = Array.from({ length: 60 }, (_, index) =>
      store.write([dir('n'), file(`n/${index}`, `${index}`), file('n/last', `${index}`)]),
    );
    expect(await output('ls /n | grep -c .; cat /n/last', {}, layers)).toBe('61\n59');
  });

  test('entries that lead outside are refused', async () => {
    const layer = store.write([symlink('l', '/tmp'), file('l/lapidary-evil', 'evil')]);
    expect(await output('ls /l', {}, [layer])).toBe('lapidary-evil\n');
    expect(existsSync('/tmp/lapidary-evil')).toBe(false);
    const dots = store.write([file('../x', 'evil')]);
    await expect(output('true', {}, [dots])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('a layer whose contents are cut short is refused, and leaves nothing', async () => {
    const before = readdirSync(store.paths.trees).length;
    const whole = file('f', 'x');
    if (whole.kind !== 'node' || whole.node.type !== 'file') throw new Error('not a file');
    const content = { kind: 'pack', pack: base.slice(7, 20), offset: 0 } as const;
    const layer = store.write([{ ...whole, node: { ...whole.node, content } }]);
    await expect(output('true', {}, [layer])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(readdirSync(store.paths.trees).length).toBe(before);
    expect(readdirSync(store.paths.work)).toEqual([]);
  });
});

/** A static ELF program for x86-64 that writes `hello` and ends: 64 bytes of header, one segment, 34 of code. */
function staticProgram(): Buffer {
  const code = Buffer.from('b801000000bf01000000488d3510000000ba060000000f05b83c00000031ff0f05', 'hex');
  const text = Buffer.from('hello\n');
  const size = 120 + code.length + text.length;
  const header = Buffer.alloc(120);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(0x400078n, 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(0x400000n, 80);
  header.writeBigUInt64LE(0x400000n, 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code, text]);
}
