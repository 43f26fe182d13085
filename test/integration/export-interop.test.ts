import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importImages, openImageArchive } from '../../src/context/index.ts';
import { type ImageOutput, writeImage } from '../../src/export/index.ts';
import type { Compression, Manifest } from '../../src/oci/index.ts';
import type { StoredImage } from '../../src/solve/index.ts';
import type { Entry, Inode } from '../../src/tree/index.ts';
import { EstargzReader, tocProblems } from '../support/estargz-reader.ts';
import { expectedLines, foundLines } from '../support/filesystem-lines.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { readLayers } from '../support/read-layers.ts';
import { builtLayer, imageOf, NAME, pulledLayer } from '../support/stored-image.ts';

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000, mtimeNs: 0 };
const node = (path: string, inode: object): Entry => ({
  kind: 'node',
  path,
  node: { ...METADATA, ...inode } as Inode,
});
const dir = (path: string, extra: object = {}): Entry => node(path, { type: 'dir', mode: 0o755, ...extra });
const link = (path: string, target: string): Entry => node(path, { type: 'symlink', mode: 0o777, target });
const file = (path: string, text: string, extra: object = {}): Entry => {
  const bytes = Buffer.from(text);
  return node(path, { type: 'file', size: bytes.length, content: { kind: 'bytes', bytes }, ...extra });
};
const LONG = `${'deep/'.repeat(30)}${'n'.repeat(120)}`;
const folders = (path: string): Entry[] =>
  path
    .split('/')
    .slice(0, -1)
    .map((_name, index, all) => dir(all.slice(0, index + 1).join('/')));

const BASE: readonly Entry[] = [
  dir(''),
  dir('etc'),
  file('etc/gone', 'gone'),
  file('etc/passwd', 'root:x:0:0::/:/bin/sh\n', { mtimeNs: 5_000_000 }),
  dir('old'),
  file('old/hidden', 'hidden'),
  dir('tmp', { mode: 0o1777 }),
];
const TOP: readonly Entry[] = [
  ...folders(LONG),
  file(LONG, 'far away'),
  dir('etc', { uid: 3, gid: 4 }),
  { kind: 'whiteout', path: 'etc/gone' },
  link('etc/mtab', '/proc/mounts'),
  file('etc/ümlaut', 'name beyond ASCII', { uid: 1234, gid: 5_000_000 }),
  dir('old'),
  { kind: 'opaque', path: 'old' },
  file('old/seen', 'seen'),
  dir('usr'),
  file('usr/big', 'x'.repeat(3_000_000)),
  file('usr/setuid', '#!', { mode: 0o4755 }),
  { kind: 'hardlink', path: 'usr/setuid2', target: 'usr/setuid' },
  node('zero', { type: 'char', mode: 0o666, major: 1, minor: 5 }),
];
/** What is left when TOP lies over BASE, without the root, which tools treat as they like. */
const MERGED: readonly Entry[] = [
  ...TOP.filter(({ kind }) => kind === 'node' || kind === 'hardlink'),
  ...BASE.filter(({ path }) => path === 'etc/passwd' || path === 'tmp'),
];

let scratch: string;
let store: MemoryStore;
let image: StoredImage;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'lapidary-interop-'));
  store = memoryStore(join(scratch, 'blobs'));
  image = await imageOf(store, [await pulledLayer(store, ...BASE), await builtLayer(store, ...TOP)]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const at = (name: string): string => join(scratch, name);
async function write(output: ImageOutput): Promise<void> {
  await writeImage({ images: [image], references: [NAME], output }, store);
}
const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe('skopeo', () => {
  test('reads the manifest of an OCI archive as it is', async () => {
    await write({ type: 'oci', dest: at('a.tar'), tar: true });
    const raw = run('skopeo', 'inspect', '--raw', `oci-archive:${at('a.tar')}:1`);
    const manifest = JSON.parse(raw) as Manifest;
    expect(manifest.config.digest).toBe(image.id);
    expect(manifest.layers[0]?.digest).toBe(image.layers[0]?.blob?.digest);
  });

  test.for([
    { name: 'an OCI archive', output: { type: 'oci', tar: true }, source: 'oci-archive', tag: ':1' },
    { name: 'an OCI directory', output: { type: 'oci', tar: false }, source: 'oci', tag: ':1' },
    {
      name: 'zstd layers',
      output: { type: 'oci', tar: true, compression: 'zstd' },
      source: 'oci-archive',
      tag: ':1',
    },
    {
      name: 'a Docker archive',
      output: { type: 'docker', tar: true },
      source: 'docker-archive',
      tag: `:${NAME}`,
    },
  ] as const)(
    'copies $name, all digests checked, and we read what it wrote',
    async ({ output, source, tag }) => {
      const dest = at(`skopeo-${source}-${'compression' in output ? 'zstd' : ''}`);
      await write({ ...output, dest });
      run('skopeo', 'copy', '--insecure-policy', `${source}:${dest}${tag}`, `oci:${dest}-copy:1`);
      const inputs = [`oci-layout://${dest}-copy:1`];
      if (!('compression' in output)) {
        inputs.push(`${dest}-docker`); // skopeo writes no zstd to Docker archives
        run('skopeo', 'copy', '--insecure-policy', `oci:${dest}-copy:1`, `docker-archive:${dest}-docker:x:1`);
      }
      for (const input of inputs) {
        const other = memoryStore(`${dest}-blobs`);
        const [found] = await importImages(await openImageArchive(input), { ports: other });
        expect(found?.image.layers.map(({ diffId }) => diffId)).toEqual(
          image.layers.map(({ diffId }) => diffId),
        );
        const read = found === undefined ? [] : await readLayers(found.image, other);
        expect(read.map(({ id }) => id)).toEqual(image.layers.map(({ layer }) => layer));
      }
    },
  );
});

describe('umoci', () => {
  test.for(['gzip', 'zstd', 'uncompressed'] satisfies Compression[])(
    'unpacks %s layers to the tree',
    async (compression) => {
      const layout = at(`umoci-${compression}`);
      await write({ type: 'oci', dest: layout, tar: false, compression });
      // umoci 0.4 knows no zstd: skopeo compresses anew
      run(
        'skopeo',
        'copy',
        '--insecure-policy',
        '--dest-compress-format=gzip',
        `oci:${layout}:1`,
        `oci:${layout}-gz:1`,
      );
      run('umoci', 'unpack', '--image', `${layout}-gz:1`, `${layout}-bundle`);
      expect(foundLines(join(`${layout}-bundle`, 'rootfs')).sort()).toEqual(expectedLines(MERGED));
    },
  );
});

describe('eStargz', () => {
  const added = ['.no.prefetch.landmark', 'stargz.index.json'];

  test('is copied by skopeo, every digest checked, and unpacked by umoci to the tree and two files', async () => {
    const layout = at('estargz');
    await write({ type: 'oci', dest: layout, tar: false, compression: 'estargz', forceCompression: true });
    run('skopeo', 'copy', '--insecure-policy', `oci:${layout}:1`, `oci:${layout}-copy:1`);
    run('umoci', 'unpack', '--image', `${layout}-copy:1`, `${layout}-bundle`);
    const rootfs = join(`${layout}-bundle`, 'rootfs');
    for (const name of added) rmSync(join(rootfs, name));
    expect(foundLines(rootfs).sort()).toEqual(expectedLines(MERGED));
    const raw = run('skopeo', 'inspect', '--raw', `oci:${layout}-copy:1`);
    const { layers } = JSON.parse(raw) as Manifest;
    expect(layers.map(({ annotations }) => Object.keys(annotations ?? {}).length)).toEqual([2, 2]);
  });

  test('is a .tar.gz to GNU tar and gzip, and opens file by file', async () => {
    const layout = at('estargz-top');
    await write({ type: 'oci', dest: layout, tar: false, compression: 'estargz' });
    const { layers } = JSON.parse(run('skopeo', 'inspect', '--raw', `oci:${layout}:1`)) as Manifest;
    const [base, top] = layers.map(({ digest }) => join(layout, 'blobs', 'sha256', digest.slice(7)));
    expect(layers[0]?.digest).toBe(image.layers[0]?.blob?.digest); // as it came
    expect(() => new EstargzReader(readFileSync(base ?? ''))).toThrow('the footer is another');
    const names = run('tar', '-tzf', top ?? '', '--quoting-style=literal')
      .trim()
      .split('\n');
    expect([names[0], names.at(-1)]).toEqual(added);
    const blob = readFileSync(top ?? '');
    execFileSync('gzip', ['-t'], { input: blob });
    expect(tocProblems(blob)).toEqual([]);
    const reader = new EstargzReader(blob);
    for (const name of ['usr/big', 'etc/ümlaut', LONG]) {
      const found = execFileSync('tar', ['-xzOf', top ?? '', name], { maxBuffer: 2 ** 24 });
      expect(reader.open(name).equals(found)).toBe(true);
    }
  });
});

describe('the root filesystem', () => {
  test('as a tar is what GNU tar lists and unpacks', async () => {
    await write({ type: 'tar', dest: at('root.tar') });
    const listed = run('tar', '-tf', at('root.tar')).trim().split('\n');
    expect(listed.filter((name) => name.includes('.wh.') || name.includes('gone'))).toEqual([]);
    mkdirSync(at('root'));
    run('tar', '-xpf', at('root.tar'), '-C', at('root'), '--same-owner', '--numeric-owner');
    expect(foundLines(at('root')).sort()).toEqual(expectedLines(MERGED));
  });

  test('as a directory is the tree but for devices', async () => {
    await write({ type: 'local', dest: at('local') });
    const files = MERGED.filter(({ path }) => path !== 'zero');
    expect(foundLines(at('local')).sort()).toEqual(expectedLines(files));
  });
});

const child = (...args: readonly string[]): string[] => [
  'test/support/export-child.ts',
  at('child-blobs'),
  ...args,
];

test('an ordinary user gets files of their own, and is told so', () => {
  const [folder, blobs] = [at('nobody'), at('nobody-blobs')];
  for (const path of [folder, blobs]) run('install', '-d', '-o', '65534', '-g', '65534', path);
  chmodSync(scratch, 0o755);
  const args = ['test/support/export-child.ts', blobs, 'local', folder];
  const warnings = execFileSync(process.execPath, args, { uid: 65534, gid: 65534, encoding: 'utf8' });
  expect(JSON.parse(warnings)).toEqual([
    'files whose owner was not set, since only root can do that: 1, such as "big"',
  ]);
  const { uid, size } = lstatSync(join(folder, 'big'));
  expect([uid, size]).toEqual([65534, 8 * 1024 * 1024]);
});

describe('when it goes wrong', () => {
  test.for(['docker', 'tar', 'local'])('%s on a full disk says so and leaves no file', (type) => {
    const mount = at(`full-${type}`);
    mkdirSync(mount);
    const script = 'mount -t tmpfs -o size=2m none "$0" && "$@"; code=$?; ls -A "$0"; exit $code';
    const args = ['-m', 'sh', '-c', script, mount, process.execPath, ...child(type, join(mount, 'out'))];
    const dest = JSON.stringify(join(mount, type === 'local' ? 'out/big' : 'out'));
    const failed = failure('unshare', args);
    expect(failed.status).toBe(3);
    expect(failed.stdout).toBe(
      [
        `error[EXPORT_FAILED]: no space left on device while writing ${dest}`,
        `  hint: free some space, or choose another destination${type === 'local' ? 'out\n' : ''}`,
      ].join('\n'),
    );
  });

  test('killed half way leaves nothing at the destination', async () => {
    mkdirSync(at('killed'));
    const dest = join(at('killed'), 'out.tar');
    const running: ChildProcess = spawn(process.execPath, child('docker', dest, 'stall'), {
      stdio: 'inherit',
    });
    const sizes = (): number[] =>
      readdirSync(at('killed')).map((name) => lstatSync(join(at('killed'), name)).size);
    await expect.poll(sizes, { timeout: 30_000 }).toEqual([expect.any(Number)]);
    await expect.poll(() => sizes()[0], { timeout: 30_000 }).toBeGreaterThan(100_000);
    running.kill('SIGKILL');
    await once(running, 'exit');
    expect(existsSync(dest)).toBe(false);
  });
});

function failure(
  program: string,
  args: readonly string[],
): { readonly status: number; readonly stdout: string } {
  try {
    return {
      status: 0,
      stdout: execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    };
  } catch (error) {
    return error as { readonly status: number; readonly stdout: string };
  }
}
