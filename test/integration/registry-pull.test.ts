import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BuildRequest, build, Lapidary, parseImagePlace } from '../../src/build/index.ts';
import { type Compression, sha256 } from '../../src/oci/index.ts';
import type { BuildEvent } from '../../src/solve/index.ts';
import { Workspace } from '../support/cli.ts';
import { AMD64, ARM64 } from '../support/make-image.ts';
import { makeTar } from '../support/make-tar.ts';
import { type PutImage, putImage, putIndex } from '../support/registry/put-image.ts';
import { TestRegistry } from '../support/registry/test-registry.ts';

const ETC = makeTar([
  { path: 'etc/', member: { type: 'dir' } },
  { path: 'etc/passwd', data: 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' },
]);
const USR = makeTar([
  { path: 'usr/', member: { type: 'dir' } },
  { path: 'usr/share', data: 'much'.repeat(100_000) },
]);

let registry: TestRegistry;
let workspace: Workspace;
beforeEach(async () => {
  [registry, workspace] = await Promise.all([TestRegistry.start(), Workspace.create()]);
});
afterEach(async () => {
  const [violation] = registry.violations;
  await Promise.all([registry[Symbol.asyncDispose](), workspace[Symbol.asyncDispose]()]);
  if (violation !== undefined) throw new Error(violation);
});

const put = (more: Partial<PutImage> = {}, name = 'base'): ReturnType<typeof putImage> =>
  putImage(registry.storage, name, { tars: [ETC, USR], tag: '1', ...more });
/** Blobs that were asked for, by digest. */
const fetched = (): string[] =>
  registry.requests({ method: 'GET', endpoint: 'blob' }).map(({ route }) => route.reference);
const base = (): string => `${registry.host}/base:1`;

async function run(
  dockerfile: string,
  more: Partial<BuildRequest> = {},
): Promise<{ readonly id: string; readonly events: BuildEvent[] }> {
  const context = await workspace.files('context', { x: 'new', Dockerfile: dockerfile });
  const events: BuildEvent[] = [];
  const request = { context: { type: 'directory', path: context }, platforms: [AMD64], ...more } as const;
  const { images } = await build(request, { store: workspace.store, onEvent: (event) => events.push(event) });
  return { id: images[0]?.id ?? '', events };
}

describe('an image of a registry', () => {
  test('is measured and compared where it is, and its layers are fetched for that', async () => {
    const { layers } = await put({ config: { Cmd: ['/x'] } });
    await put({ tars: [ETC] }, 'other');
    await using lapidary = await Lapidary.open({ store: workspace.store });
    await using tools = lapidary.tools();
    const [one, other] = [base(), `${registry.host}/other:1`].map((name) => parseImagePlace(name, '/'));
    if (one === undefined || other === undefined) throw new Error('two names give two places');
    const { report } = await tools.size(one, { depth: 1 });
    expect(report.layers.map(({ compressed }) => compressed)).toEqual(layers.map(({ size }) => size));
    expect(report.directories.directories.map(({ path, bytes }) => `${path} ${bytes}`)).toEqual([
      '/usr 400000',
      '/etc 53',
    ]);
    const { files, config, sharedLayers } = await tools.diff(other, one);
    expect(files).toMatchObject([
      { change: 'added', path: '/usr' },
      { change: 'added', path: '/usr/share', bytes: 400_000 },
    ]);
    expect([config, sharedLayers]).toEqual([[{ setting: 'Cmd', before: '["/bin/sh"]', after: '["/x"]' }], 1]);
    expect(await lapidary.images()).toEqual([]);
  });
});

describe('FROM an image of a registry', () => {
  test('reads its manifest and configuration, and no layer that nobody asks for', async () => {
    const { config } = await put({ config: { Env: ['A=1'], Cmd: ['/x'] } });
    await run(`FROM ${base()}\nENV B=2`, { tags: ['app'] });
    expect(fetched()).toEqual([config]);
    await using lapidary = await Lapidary.open({ store: workspace.store });
    const found = await lapidary.inspect('app');
    expect(found.config.config).toMatchObject({ Env: expect.arrayContaining(['A=1', 'B=2']), Cmd: ['/x'] });
    expect(found.image.layers).toHaveLength(2);
  });

  test('is not fetched to be looked at, and is looked at once it was', async () => {
    const { config } = await put({ config: { Cmd: ['/gone'] } });
    const told = ({ events }: { readonly events: readonly BuildEvent[] }): string =>
      events.map((event) => ('message' in event ? event.message : '')).join('\n');
    const strict = await run(`FROM ${base()}\nENV B=2`, { preflight: 'error' });
    expect(told(strict)).toContain('linux/amd64 was never fetched, so it is not looked at');
    const limited = await run(`FROM ${base()}\nENV B=2`, { maxSize: { bytes: 1e6, compressed: false } });
    expect(told(limited)).toContain('2 layers of the base were never fetched');
    await run(`FROM ${base()}\nENV B=2`, { maxSize: { bytes: 1e6, compressed: true } });
    expect(fetched()).toEqual([config]);
    await run(`FROM ${base()}\nCOPY --chown=app x /x`, { preflight: 'off' });
    expect(fetched()).toHaveLength(3);
    const looked = run(`FROM ${base()}\nENV B=2`, { preflight: 'error' });
    await expect(looked).rejects.toMatchObject({ code: 'PREFLIGHT_FAILED' });
  });

  test('asks for nothing any more when it is in the store', async () => {
    await put();
    await run(`FROM ${base()}\nCOPY x /etc/`);
    const before = registry.log.length;
    await run(`FROM ${base()}\nCOPY x /etc/`);
    expect(registry.log.length).toBe(before);
  });

  test('fetches the layers once a step reads them, and never a layer that another image brought', async () => {
    const { layers } = await put();
    await put({ tars: [ETC], compression: 'zstd' }, 'other');
    await run(`FROM ${registry.host}/other:1\nCOPY --chown=app x /x`);
    const before = fetched().length;
    await run(`FROM ${base()}\nCOPY --chown=app x /x`);
    // The same tar, though compressed in another way
    expect(fetched().slice(before)).toEqual([expect.any(String), layers[1]?.digest]);
  });

  test.for(['gzip', 'zstd', 'uncompressed'] satisfies Compression[])(
    'with layers of %s',
    async (compression) => {
      await put({ compression });
      await run(`FROM ${base()} AS b\nFROM scratch\nCOPY --from=b /etc/passwd /p`, {
        outputs: [{ type: 'local', dest: workspace.path('out') }],
      });
      expect(await readFile(workspace.path('out', 'p'), 'utf8')).toContain('app:x:1000');
    },
  );

  test("in Docker's schema 2", async () => {
    await put({ docker: true });
    const { id } = await run(`FROM ${base()}\nCOPY x /x`);
    expect(id).toMatch(/^sha256:/);
  });

  test('refuses layers that must not be distributed', async () => {
    await put({ layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' });
    await expect(run(`FROM ${base()}`)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      hint: expect.stringContaining('not be distributed'),
    });
  });

  test('takes from an index what runs best on the platform, each from the same index', async () => {
    const arm = await put({ platform: ARM64, config: { Env: ['P=arm'] } });
    const amd = await put({ config: { Env: ['P=amd'] } });
    putIndex(registry.storage, 'base', { manifests: [arm.manifest, amd.manifest], tag: 'multi' });
    const from = `FROM ${registry.host}/base:multi\nENV X=1`;
    const env = async (tag: string): Promise<unknown> => {
      await using lapidary = await Lapidary.open({ store: workspace.store });
      return (await lapidary.inspect(tag)).config.config?.Env;
    };
    await run(from, { tags: ['amd'] });
    expect(await env('amd')).toEqual(expect.arrayContaining(['P=amd', 'X=1']));
    await run(from, { tags: ['arm'], platforms: [ARM64] });
    expect(await env('arm')).toEqual(expect.arrayContaining(['P=arm', 'X=1']));
    // The index was read once
    expect(registry.requests({ endpoint: 'manifest', path: 'multi' })).toHaveLength(1);
    await expect(run(from, { platforms: [{ os: 'linux', architecture: 's390x' }] })).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      hint: expect.stringContaining('linux/arm64, linux/amd64'),
    });
  });

  test('by digest needs no tag, and is never asked for again', async () => {
    const { manifest } = await put();
    const from = `FROM ${registry.host}/base@${manifest.digest}`;
    await run(from);
    const before = registry.log.length;
    await run(from, { pull: 'always' });
    expect(registry.log.length).toBe(before);
  });

  test('that is nowhere says where it was looked for', async () => {
    await expect(run(`FROM ${registry.host}/nothing:2`)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      notes: expect.arrayContaining([
        expect.stringContaining('no image is tagged'),
        expect.stringContaining('/v2/nothing/manifests/2: not found (status 404)'),
      ]),
    });
  });
});

describe('--pull', () => {
  const id = async (pull: BuildRequest['pull']): Promise<string> =>
    (await run(`FROM ${base()}`, pull === undefined ? {} : { pull })).id;

  test('by default takes what the store has; always and newer take what the registry has', async () => {
    await put({ config: { Env: ['N=1'] } });
    const old = await id(undefined);
    await put({ config: { Env: ['N=2'] } });
    expect(await id(undefined)).toBe(old);
    expect(await id('never')).toBe(old);
    const young = await id('newer');
    expect(young).not.toBe(old);
    expect(await id('always')).toBe(young);
  });

  test('newer is content with the store when the registry does not have it; always is not', async () => {
    await put();
    const old = await id(undefined);
    registry.storage.repository('base').tags.clear();
    expect(await id('newer')).toBe(old);
    await expect(id('always')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  test('never asks nobody', async () => {
    await put();
    await expect(id('never')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(registry.log).toEqual([]);
  });

  test('does not take away the name that a build has given', async () => {
    await put({ platform: ARM64 });
    await run('FROM scratch\nCOPY x /mine', { tags: [base()] });
    await run(`FROM ${base()}`, { platforms: [ARM64] });
    await using lapidary = await Lapidary.open({ store: workspace.store });
    expect((await lapidary.inspect(base())).image.platform).toEqual(AMD64);
  });
});

describe('a layer that arrives', () => {
  test('damaged is fetched again, and nothing of it is seen', async () => {
    await put();
    registry.faults.add({ do: 'corrupt', atByte: 50, method: 'GET', endpoint: 'blob', after: 1, times: 1 });
    await run(`FROM ${base()}\nCOPY --chown=app x /x`);
    expect(fetched().length).toBe(4);
  });

  test('cut off goes on where it broke', async () => {
    const { layers } = await put({ compression: 'uncompressed' });
    registry.faults.add({ do: 'cut', atByte: 100_000, method: 'GET', path: layers[1]?.digest ?? '' });
    await run(`FROM ${base()}\nCOPY --chown=app x /x`);
    const ranges = registry.requests({ endpoint: 'blob' }).map(({ headers }) => headers.range);
    expect(ranges.filter(Boolean)).toHaveLength(1);
  });

  test('is not what the configuration says: an error, and no half image', async () => {
    const { layers } = await put();
    const wrong = await put({ tars: [ETC, makeTar([{ path: 'evil', data: 'x' }])] });
    // A manifest whose last layer is another one than its configuration names
    const { manifests, tags } = registry.storage.repository('base');
    const bytes = manifests.get(wrong.manifest.digest)?.bytes.toString() ?? '';
    const swapped = Buffer.from(
      bytes
        .replace(wrong.layers[1]?.digest ?? '', layers[1]?.digest ?? '')
        .replace(`"size":${wrong.layers[1]?.size}`, `"size":${layers[1]?.size}`),
    );
    manifests.set(sha256(swapped), { bytes: swapped, mediaType: wrong.manifest.mediaType });
    tags.set('1', sha256(swapped));
    await expect(run(`FROM ${base()}\nCOPY x /etc/`)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

describe('pull', () => {
  test('brings everything, so that nothing is asked for later', async () => {
    const { layers, manifest } = await put();
    await using lapidary = await Lapidary.open({ store: workspace.store });
    await using tools = lapidary.tools();
    const pulled = await tools.pull(base(), AMD64);
    expect(pulled.digest).toBe(manifest.digest);
    expect(fetched().slice(1).sort()).toEqual(layers.map(({ digest }) => digest).sort());
    const before = registry.log.length;
    await run(`FROM ${base()}\nCOPY --chown=app x /x`, {
      outputs: [{ type: 'oci', dest: join(workspace.dir, 'a.tar'), tar: true }],
    });
    expect(registry.log.length).toBe(before);
  });

  test('by the command line, once more only asks whether there is something new', async () => {
    const { manifest } = await put();
    const name = `${base()}@${manifest.digest}\n`;
    expect(await workspace.ok(['pull', '-q', '--platform', 'linux/amd64', base()])).toBe(name);
    const before = registry.log.length;
    expect(await workspace.ok(['pull', '-q', '--platform', 'linux/amd64', base()])).toBe(name);
    const asked = registry.log.slice(before).map(({ method, route }) => `${method} ${route.endpoint}`);
    expect(asked).toEqual(['GET base', 'HEAD manifest']);
  });
});
