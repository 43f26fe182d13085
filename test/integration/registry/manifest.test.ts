import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Lapidary, parseImagePlace } from '../../../src/build/index.ts';
import {
  type Descriptor,
  type Index,
  MEDIA,
  type Platform,
  parseIndex,
  sha256,
} from '../../../src/oci/index.ts';
import type { BuildEvent } from '../../../src/solve/index.ts';
import { Workspace } from '../../support/cli.ts';
import { MainHere } from '../../support/main-here.ts';
import { AMD64, ARM64 } from '../../support/make-image.ts';
import { makeTar } from '../../support/make-tar.ts';
import { run } from '../../support/registry/containers-store.ts';
import { putImage, putIndex } from '../../support/registry/put-image.ts';
import { RealRegistry } from '../../support/registry/real-registry.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';

const RISCV: Platform = { os: 'linux', architecture: 'riscv64' };
const tarOf = (text: string): Buffer => makeTar([{ path: 'is', data: text }]);

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let here: MainHere;
let registry: TestRegistry;
let real: RealRegistry;
let lapidary: Lapidary;
let images: Record<'amd' | 'arm' | 'other', Descriptor>;
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  here = new MainHere(work);
  [registry, real] = await Promise.all([TestRegistry.start(), RealRegistry.start()]);
  stack.use(registry);
  stack.use(real);
  lapidary = stack.use(await Lapidary.open({ store: work.store }));
  const { storage } = registry;
  const put = async (tag: string, platform: Platform, docker = false): Promise<Descriptor> =>
    (await putImage(storage, 'app', { tars: [tarOf(tag)], tag, platform, docker })).manifest;
  images = {
    amd: await put('amd', AMD64),
    arm: await put('arm', ARM64),
    other: await put('other', ARM64),
  };
  await put('docker-amd', AMD64, true);
  await put('docker-arm', ARM64, true);
  putIndex(storage, 'app', { manifests: [images.amd, attestation(images.amd.digest)], tag: 'attested' });
});
beforeEach(() => {
  registry.log.length = 0;
  registry.violations.length = 0;
});

/** A manifest about another one, as BuildKit lists it. */
function attestation(about: string): Descriptor {
  const { storage } = registry;
  const repository = storage.repository('app');
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: images.amd && JSON.parse(String(repository.manifests.get(images.amd.digest)?.bytes)).config,
      layers: [],
      annotations: { about },
    }),
  );
  const descriptor = { mediaType: MEDIA.ociManifest, digest: sha256(bytes), size: bytes.length };
  repository.manifests.set(descriptor.digest, { bytes, mediaType: MEDIA.ociManifest });
  return {
    ...descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': about,
    },
  };
}

const at = (name: string): string => `${registry.host}/${name}`;
const place = (name: string): ReturnType<typeof parseImagePlace> => parseImagePlace(name, work.dir);
const indexAt = (repository: string, tag: string): Index => {
  const { tags, manifests } = registry.storage.repository(repository);
  return parseIndex(manifests.get(tags.get(tag) ?? '')?.bytes ?? Buffer.alloc(0));
};
const digests = ({ manifests }: Index): readonly string[] => manifests.map(({ digest }) => digest);

type Create = Omit<Parameters<ReturnType<Lapidary['tools']>['createIndex']>[0], 'targets' | 'sources'>;

async function create(
  target: string,
  sources: readonly string[],
  more: Create = {},
): Promise<readonly BuildEvent[]> {
  const events: BuildEvent[] = [];
  await using tools = lapidary.tools({ onEvent: (event) => events.push(event) });
  await tools.createIndex({
    targets: [place(target)],
    sources: sources.map((name) => ({ place: place(name) })),
    ...more,
  });
  return events;
}

describe('manifest create', () => {
  test('in the same repository sends an index and nothing else', async () => {
    await create(at('app:both'), [at('app:amd'), at('app:arm')]);
    expect(indexAt('app', 'both')).toEqual({
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [
        { ...images.amd, platform: AMD64 },
        { ...images.arm, platform: ARM64 },
      ],
    });
    const sent = registry.log.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    expect(sent.map(({ method, path }) => [method, path])).toEqual([['PUT', '/v2/app/manifests/both']]);
    expect(registry.requests({ endpoint: 'blob', method: 'HEAD' })).toEqual([]);
    expect(registry.violations).toEqual([]);
  });

  test('in another repository mounts the blobs', async () => {
    await create(at('team/app:both'), [at('app:amd'), at('app:arm')]);
    expect(digests(indexAt('team/app', 'both'))).toEqual([images.amd.digest, images.arm.digest]);
    const mounts = registry.requests({ endpoint: 'upload-start' });
    expect(mounts.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    const sent = registry.log.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    const documents = images.amd.size + images.arm.size;
    const tagOf = (): string => registry.storage.repository('team/app').tags.get('both') ?? '';
    expect(sent).toBe(
      documents + (registry.storage.repository('team/app').manifests.get(tagOf())?.bytes.length ?? 0),
    );
    expect(registry.violations).toEqual([]);
  });

  test('to another registry, from a layout and a registry, and every tool can pull each platform', async () => {
    await using tools = lapidary.tools();
    await tools.copy({ from: place(at('app:arm')), to: place('oci:layout:arm') });
    const name = `${real.host}/app:both`;
    await create(name, [at('app:amd'), 'oci:layout:arm']);
    for (const [architecture, text] of [
      ['amd64', 'amd'],
      ['arm64', 'arm'],
    ] as const) {
      const out = work.path(`pulled-${architecture}`);
      await run(
        'skopeo',
        '--override-arch',
        architecture,
        'copy',
        '--insecure-policy',
        '--src-tls-verify=false',
        `docker://${name}`,
        `oci:${out}:x`,
      );
      const rootfs = work.path(`rootfs-${architecture}`);
      await run('umoci', 'raw', 'unpack', '--rootless', '--image', `${out}:x`, rootfs);
      expect(await readFile(`${rootfs}/is`, 'utf8')).toBe(text);
    }
  });

  test('takes an index apart, keeps attestations, and names nothing twice', async () => {
    await create(at('app:flat'), [at('app:attested'), at('app:arm'), at('app:amd')]);
    const [first, about, second, ...more] = indexAt('app', 'flat').manifests;
    expect([first?.digest, second?.digest, more]).toEqual([images.amd.digest, images.arm.digest, []]);
    expect(about?.annotations?.['vnd.docker.reference.digest']).toBe(images.amd.digest);
    await create(at('app:only'), [at('app:flat')], { platforms: [AMD64] });
    expect(indexAt('app', 'only').manifests).toEqual([first, about]);
  });

  test('copies one index as it is, and makes an index over one manifest unless told not to', async () => {
    const tags = registry.storage.repository('app').tags;
    await create(at('app:same'), [at('app:attested')]);
    expect(tags.get('same')).toBe(tags.get('attested'));
    await create(at('app:one'), [at('app:amd')]);
    expect(digests(indexAt('app', 'one'))).toEqual([images.amd.digest]);
    await create(at('app:bare'), [at('app:amd')], { preferIndex: false });
    expect(tags.get('bare')).toBe(images.amd.digest);
    await create(at('app:picked'), [at('app:both')], { preferIndex: false, platforms: [ARM64] });
    expect(tags.get('picked')).toBe(images.arm.digest);
  });

  test('appends, and replaces what was for the same platform', async () => {
    await create(at('app:grows'), [at('app:attested')]);
    await create(at('app:grows'), [at('app:arm')], { append: true });
    expect(digests(indexAt('app', 'grows'))).toEqual([
      images.amd.digest,
      expect.any(String),
      images.arm.digest,
    ]);
    const events = await create(at('app:grows'), [at('app:other')], { append: true });
    expect(digests(indexAt('app', 'grows')).at(-1)).toBe(images.other.digest);
    expect(indexAt('app', 'grows').manifests).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  test('warns of two images for one platform', async () => {
    const events = await create(at('app:twice'), [at('app:arm'), at('app:other')]);
    expect(events.flatMap((event) => (event.type === 'warning' ? event.message : []))).toEqual([
      `two manifests are for linux/arm64: most readers take the first, ${images.arm.digest}, not ${images.other.digest}`,
    ]);
  });

  test("makes a list of Docker's out of Docker's manifests, and of OCI where it has annotations", async () => {
    const sources = [at('app:docker-amd'), at('app:docker-arm')];
    await create(at('app:docker'), sources);
    expect(indexAt('app', 'docker').mediaType).toBe(MEDIA.dockerIndex);
    await create(at('app:annotated'), sources, {
      annotations: [
        { on: 'index', key: 'b', value: '2' },
        { on: 'index', key: 'a', value: '1' },
        { on: 'manifest-descriptor', platform: ARM64, key: 'c', value: '3' },
      ],
    });
    const index = indexAt('app', 'annotated');
    expect([index.mediaType, index.annotations]).toEqual([MEDIA.ociIndex, { a: '1', b: '2' }]);
    expect(index.manifests.map(({ annotations }) => annotations)).toEqual([undefined, { c: '3' }]);
    expect(registry.violations).toEqual([]);
  });

  test('writes nothing in a dry run, and says what it would be', async () => {
    const out = await here.ok('manifest', 'create', '--dry-run', at('app:amd'), at('app:arm'));
    expect(digests(JSON.parse(out) as Index)).toEqual([images.amd.digest, images.arm.digest]);
    expect(registry.log.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });

  test('takes manifests that were pushed by digest from files of metadata', async () => {
    const { digest, mediaType, size } = images.arm;
    const descriptor = { digest, mediaType, size, platform: { ...ARM64, variant: 'v9' } };
    const path = work.path('arm.json');
    await writeFile(path, JSON.stringify({ 'containerimage.descriptor': descriptor }));
    const name = at('app:files');
    const out = await here.ok('manifest', 'create', '-q', '-t', name, '-f', path, images.amd.digest);
    const { tags } = registry.storage.repository('app');
    expect(out).toBe(`${name}@${tags.get('files')}\n`);
    expect(indexAt('app', 'files').manifests.map(({ platform }) => platform)).toEqual([
      AMD64,
      { ...ARM64, variant: 'v9' },
    ]);
  });

  test.for([
    ['a source that is not there', (): string[] => ['-t', at('app:x'), at('app:nope')], 'REGISTRY_NOT_FOUND'],
    [
      'a platform that is not there',
      (): string[] => ['-t', at('app:x'), '-p', 'linux/riscv64', at('app:both')],
      'IMAGE_NOT_FOUND',
    ],
    [
      'nothing to append to',
      (): string[] => ['-t', at('app:x'), '--append', at('app:amd')],
      'REGISTRY_NOT_FOUND',
    ],
    ['the local store', (): string[] => ['-t', 'store:x', at('app:amd')], 'UNSUPPORTED'],
    ['no target', (): string[] => [at('app:amd')], 'USAGE'],
    ['no source', (): string[] => ['-t', at('app:x')], 'USAGE'],
    [
      'another digest',
      (): string[] => ['-t', at(`app@${images.amd.digest}`), at('app:arm')],
      'DIGEST_MISMATCH',
    ],
  ] as const)('error: %s, and nothing is written', async ([, args, code]) => {
    const { code: exit, stderr } = await here.run('manifest', 'create', ...args());
    expect(stderr).toContain(`error[${code}]`);
    expect(exit).not.toBe(0);
    expect(registry.storage.repository('app').tags.has('x')).toBe(false);
    expect(registry.log.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });
});

describe('manifest annotate', () => {
  test('of the index, of a line, and the platform of a line; manifests stay what they are', async () => {
    const name = at('app:notes');
    await create(name, [at('app:amd'), at('app:arm')]);
    const annotate = ['manifest', 'annotate', '-q', name];
    await here.ok(...annotate, '--annotation', 'a=1', '--annotation', 'b=2');
    await here.ok(...annotate, '--annotation', 'a=');
    await here.ok(...annotate, images.arm.digest, '--set-platform', 'linux/arm/v6', '--annotation', 'c=3');
    await here.ok(...annotate, 'linux/amd64', '--annotation', 'd=4');
    const index = indexAt('app', 'notes');
    expect(index.annotations).toEqual({ b: '2' });
    expect(index.manifests).toEqual([
      { ...images.amd, platform: AMD64, annotations: { d: '4' } },
      {
        ...images.arm,
        platform: { os: 'linux', architecture: 'arm', variant: 'v6' },
        annotations: { c: '3' },
      },
    ]);
    registry.log.length = 0;
    const out = await here.ok(...annotate, '--dry-run', '--annotation', 'e=5');
    expect((JSON.parse(out) as Index).annotations).toEqual({ b: '2', e: '5' });
    expect(indexAt('app', 'notes')).toEqual(index);
    expect(registry.violations).toEqual([]);
  });

  test('in a layout, whose other images stay', async () => {
    await using tools = lapidary.tools();
    await tools.copy({ from: place(at('app:both')), to: place('oci:notes:both') });
    await tools.copy({ from: place(at('app:amd')), to: place('oci:notes:amd') });
    await tools.annotateIndex({ place: place('oci:notes:both'), annotations: { a: '1' } });
    const changed = await tools.raw(place('oci:notes:both'));
    expect(parseIndex(changed.bytes).annotations).toEqual({ a: '1' });
    expect((await tools.raw(place('oci:notes:amd'))).descriptor.digest).toBe(images.amd.digest);
  });

  test.for([
    ['one manifest', 'app:amd', ['--annotation', 'a=1'], 'UNSUPPORTED'],
    ['a digest', '', ['--annotation', 'a=1'], 'USAGE'],
    ['a line that is not there', 'app:both', ['linux/riscv64', '--annotation', 'a=1'], 'IMAGE_NOT_FOUND'],
    ['nothing to do', 'app:both', [], 'USAGE'],
    ['a platform of the index', 'app:both', ['--set-platform', 'linux/arm64'], 'USAGE'],
  ] as const)('error: %s', async ([, name, args, code]) => {
    const whole = at(name || `app@${images.amd.digest}`);
    const { stderr } = await here.run('manifest', 'annotate', whole, ...args);
    expect(stderr).toContain(`error[${code}]`);
    expect(registry.log.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });
});

describe('manifest rm', () => {
  test('by a tag leaves the other tags, by a digest none', async () => {
    const { tags, manifests } = registry.storage.repository('gone');
    for (const tag of ['a', 'b', 'c']) {
      await putImage(registry.storage, 'gone', { tars: [tarOf('gone')], tag, platform: RISCV });
    }
    const digest = tags.get('a') ?? '';
    const dry = await here.ok('manifest', 'rm', '--dry-run', at('gone:a'));
    expect(dry).toBe(`Would delete: ${at('gone:a')}@${digest}\n`);
    expect([...tags.keys()]).toEqual(['a', 'b', 'c']);
    expect(await here.ok('manifest', 'rm', at('gone:a'))).toBe(`Deleted: ${at('gone:a')}@${digest}\n`);
    expect([...tags.keys()]).toEqual(['b', 'c']);
    expect(manifests.has(digest)).toBe(true);
    await here.ok('manifest', 'rm', at(`gone@${digest}`));
    expect([tags.size, manifests.size]).toEqual([0, 0]);
  });

  test('of docker-registry', async () => {
    const name = (tag: string): string => `${real.host}/gone:${tag}`;
    await create(name('a'), [at('app:amd')]);
    await create(name('b'), [at('app:amd')]);
    const { stderr: refused } = await here.run('manifest', 'rm', name('a'));
    const digest = (await here.ok('inspect', '--digest', name('b'))).trim();
    // Version 2.8 removes no tags
    expect(refused).toContain(`lapidary manifest rm ${real.host}/gone@${digest}`);
    await here.ok('manifest', 'rm', `${real.host}/gone@${digest}`);
    const { stderr } = await here.run('inspect', '--digest', name('b'));
    expect(stderr).toContain('REGISTRY_NOT_FOUND');
  });

  test('of a registry that allows it to nobody says so', async () => {
    await using strict = await TestRegistry.start({ deletion: false });
    await putImage(strict.storage, 'kept', { tars: [tarOf('kept')], tag: '1' });
    const { stderr, code } = await here.run('manifest', 'rm', `${strict.host}/kept:1`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not remove tags')]);
    expect(strict.storage.repository('kept').tags.has('1')).toBe(true);
  });
});
