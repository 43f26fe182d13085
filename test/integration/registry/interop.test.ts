import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Index, type Manifest, MEDIA } from '../../../src/oci/index.ts';
import { Workspace } from '../../support/cli.ts';
import { MainHere } from '../../support/main-here.ts';
import { AMD64, ARM64, blob, first, image, layout, TAR } from '../../support/make-image.ts';
import { ContainersStore, run } from '../../support/registry/containers-store.ts';
import { RealRegistry } from '../../support/registry/real-registry.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { writeMembers } from '../../support/write-members.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let here: MainHere;
let buildah: ContainersStore;
let podman: ContainersStore;
let real: RealRegistry;
let strict: TestRegistry;
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  here = new MainHere(work);
  buildah = stack.use(await ContainersStore.create('buildah'));
  podman = stack.use(await ContainersStore.create('podman'));
  real = stack.use(await RealRegistry.start());
  strict = stack.use(await TestRegistry.start());
});
afterAll(() => {
  if (strict.violations.length > 0)
    throw new Error(`the strict registry saw ${strict.violations.join('; ')}`);
});

const SKOPEO = ['copy', '--insecure-policy', '--src-tls-verify=false', '--dest-tls-verify=false'];
const skopeo = (...args: readonly string[]): Promise<string> => run('skopeo', ...SKOPEO, ...args);
const raw = async (name: string): Promise<unknown> =>
  JSON.parse(await run('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`));

/** What the image has at etc/motd, for a platform. */
async function motd(name: string, ...flags: readonly string[]): Promise<string> {
  const dir = await work.files('from', { Dockerfile: `FROM ${name}\n` });
  const out = work.path('out', name.replaceAll(/[/:]/g, '-'), ...flags);
  await here.ok('build', '-q', '--pull', ...flags, '-o', `type=local,dest=${out}`, dir);
  return readFile(join(out, 'etc/motd'), 'utf8');
}

describe('we pull', () => {
  let single: string;
  let several: string;
  beforeAll(async () => {
    const [amd, arm] = [image(AMD64), image(ARM64)];
    single = `oci:${await writeMembers(work.path('single'), layout(amd, [first(amd)]))}`;
    const manifests = [first(amd), first(arm)];
    const index = blob(MEDIA.ociIndex, { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
    several = `oci:${await writeMembers(work.path('index'), layout([...amd, ...arm, index], [index.descriptor]))}`;
  });

  test.for([
    { name: 'an OCI image', flags: [] },
    { name: 'a Docker schema 2 image', flags: ['--format=v2s2'] },
    { name: 'zstd layers', flags: ['--dest-compress-format=zstd', '--dest-force-compress-format'] },
  ])('$name that skopeo pushed', async ({ name, flags }) => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/skopeo/${name.toLowerCase().replaceAll(/\W+/g, '-')}:1`;
      // Version 1.9 cannot be told to compress again what is compressed.
      const known = flags.filter((flag) => flag !== '--dest-force-compress-format');
      await skopeo(...known, single, `docker://${reference}`);
      expect(await motd(reference)).toBe('hello');
    }
  });

  test('the platform that is asked for of an index that skopeo pushed', async () => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/skopeo/index:1`;
      await skopeo('--all', several, `docker://${reference}`);
      expect(await motd(reference)).toBe('hello');
      expect(await motd(reference, '--platform=linux/arm64')).toBe('hello');
      const pulled = await here.ok('pull', '-q', '--platform=linux/arm64', reference);
      expect(pulled).toContain(reference);
      expect(
        (await here.ok('inspect', '--platform=linux/arm64', '-f', '{{.Architecture}}', reference)).trim(),
      ).toBe('arm64');
    }
  });

  test.for([
    { name: 'oci', flags: ['--format=oci'] },
    { name: 'docker', flags: ['--format=docker'] },
    { name: 'zstd', flags: ['--format=oci', '--compression-format=zstd'] },
    { name: 'uncompressed', flags: ['--format=oci', '--disable-compression'] },
  ])('what buildah built and pushed: $name', async ({ name, flags }) => {
    const container = await buildah.run('from', 'scratch');
    const context = await work.files('buildah', { motd: 'hello' });
    await buildah.run('copy', '-q', container, join(context, 'motd'), '/etc/motd');
    await buildah.run('commit', '-q', '--rm', container, `made-${name}`);
    for (const { host } of [real, strict]) {
      const reference = `${host}/buildah/${name}:1`;
      await buildah.run(
        'push',
        '-q',
        '--tls-verify=false',
        ...flags,
        `made-${name}`,
        `docker://${reference}`,
      );
      expect(await motd(reference)).toBe('hello');
    }
  });
});

describe('we pull what podman pushes', () => {
  test.for([
    { name: 'oci', flags: ['--format=oci'] },
    { name: 'docker', flags: ['--format=v2s2'] },
  ])('$name', async ({ name, flags }) => {
    const files = await work.files('podman', { 'layer.tar': TAR });
    const made = `localhost/made-${name}:1`;
    await podman.run('import', '-q', join(files, 'layer.tar'), made);
    for (const { host } of [real, strict]) {
      const reference = `${host}/podman/${name}:1`;
      await podman.run('push', '-q', '--tls-verify=false', ...flags, made, `docker://${reference}`);
      expect(await motd(reference)).toBe('hello');
    }
  });
});

describe('skopeo, buildah and podman pull', () => {
  /** Pulls with all digests checked; returns what buildah and podman find at /hello. */
  async function pulledByPeers(reference: string): Promise<string> {
    const copy = work.path('copies', reference.replaceAll(/[/:]/g, '-'));
    await mkdir(work.path('copies'), { recursive: true });
    await skopeo(`docker://${reference}`, `dir:${copy}`);
    await buildah.run('pull', '-q', '--tls-verify=false', `docker://${reference}`);
    const container = await buildah.run('from', '--pull-never', reference);
    const mount = await buildah.run('mount', container);
    const found = await readFile(join(mount, 'hello'), 'utf8');
    await buildah.run('rm', container);
    await podman.run('pull', '-q', '--tls-verify=false', reference);
    const seen = await readFile(join(await podman.run('image', 'mount', reference), 'hello'), 'utf8');
    await podman.run('image', 'unmount', reference);
    expect(seen).toBe(found);
    return found;
  }
  let context: string;
  beforeAll(async () => {
    context = await work.files('app', { Dockerfile: 'FROM scratch\nCOPY hello /hello\n', hello: 'hello' });
  });

  test.for([
    { name: 'gzip', output: '', manifest: MEDIA.ociManifest, layer: MEDIA.ociLayerGzip },
    { name: 'zstd', output: ',compression=zstd', manifest: MEDIA.ociManifest, layer: MEDIA.ociLayerZstd },
    {
      name: 'uncompressed',
      output: ',compression=uncompressed',
      manifest: MEDIA.ociManifest,
      layer: MEDIA.ociLayer,
    },
    {
      name: 'docker',
      output: ',oci-mediatypes=false',
      manifest: MEDIA.dockerManifest,
      layer: MEDIA.dockerLayerGzip,
    },
    {
      name: 'docker-uncompressed',
      output: ',oci-mediatypes=false,compression=uncompressed',
      manifest: MEDIA.dockerManifest,
      layer: MEDIA.dockerLayer,
    },
  ])('what we built and pushed: $name', async ({ name, output, manifest, layer }) => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/lapidary/${name}:1`;
      await here.ok('build', '-q', '-o', `type=image,push=true,name=${reference}${output}`, context);
      const pushed = (await raw(reference)) as Manifest;
      expect(pushed.mediaType).toBe(manifest);
      expect(pushed.config.mediaType).toBe(
        manifest === MEDIA.ociManifest ? MEDIA.ociConfig : MEDIA.dockerConfig,
      );
      expect(pushed.layers.map(({ mediaType }) => mediaType)).toEqual([layer]);
      expect(await pulledByPeers(reference)).toBe('hello');
    }
  });

  test('what was built and tagged, and pushed later', async () => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/lapidary/later:1`;
      await here.ok('build', '-q', '-t', reference, context);
      await here.ok('push', '-q', reference);
      expect(await pulledByPeers(reference)).toBe('hello');
    }
  });

  test("what came as OCI with zstd and goes as Docker's schema 2, and back", async () => {
    for (const { host } of [real, strict]) {
      const [zstd, docker, oci] = ['zstd', 'as-docker', 'as-oci'].map(
        (name) => `${host}/lapidary/turn-${name}:1`,
      );
      await here.ok('build', '-q', '-o', `type=registry,name=${zstd},compression=zstd`, context);
      await here.ok('pull', '-q', zstd ?? '');
      await here.ok('push', '-q', '--oci-mediatypes=false', zstd ?? '', docker ?? '');
      const pushed = (await raw(docker ?? '')) as Manifest;
      expect([pushed.mediaType, pushed.layers[0]?.mediaType]).toEqual([
        MEDIA.dockerManifest,
        MEDIA.dockerLayerGzip,
      ]);
      expect(await pulledByPeers(docker ?? '')).toBe('hello');
      await here.ok('pull', '-q', docker ?? '');
      await here.ok('push', '-q', '--oci-mediatypes', docker ?? '', oci ?? '');
      const back = (await raw(oci ?? '')) as Manifest;
      expect([back.mediaType, back.config.mediaType]).toEqual([MEDIA.ociManifest, MEDIA.ociConfig]);
      expect(back.layers.map(({ digest }) => digest)).toEqual(pushed.layers.map(({ digest }) => digest));
      expect(await pulledByPeers(oci ?? '')).toBe('hello');
    }
  });

  test("a layout and an archive with the media types of Docker's schema 2", async () => {
    const dir = work.path('docker-layout');
    await here.ok('build', '-q', '-o', `type=oci,tar=false,oci-mediatypes=false,dest=${dir}`, context);
    const index = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as Index;
    expect(index.manifests.map(({ mediaType }) => mediaType)).toEqual([MEDIA.dockerManifest]);
    const archive = work.path('docker-layout.tar');
    await here.ok(
      'build',
      '-q',
      '-t',
      'typed',
      '-o',
      `type=docker,oci-mediatypes=false,dest=${archive}`,
      context,
    );
    await mkdir(work.path('copies'), { recursive: true });
    for (const [name, from] of Object.entries({ oci: `oci:${dir}`, docker: `docker-archive:${archive}` })) {
      await skopeo(from, `docker://${real.host}/layouts/${name}:1`);
      expect(await pulledByPeers(`${real.host}/layouts/${name}:1`)).toBe('hello');
    }
    expect(await here.ok('load', '-i', dir)).toContain('sha256:');
  });

  test('what build --push pushed under several names', async () => {
    const names = [real, strict].map(({ host }) => `${host}/lapidary/push:1`);
    await here.ok('build', '-q', '--push', ...names.flatMap((name) => ['-t', name]), context);
    for (const name of names) expect(await pulledByPeers(name)).toBe('hello');
  });

  test('an index that we copied, every platform of it', async () => {
    const [amd, arm] = [image(AMD64), image(ARM64, blob(MEDIA.ociLayerGzip, gzipSync(TAR, { level: 1 })))];
    const manifests = [first(amd), first(arm)];
    const index = blob(MEDIA.ociIndex, { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
    const dir = await writeMembers(work.path('copied'), layout([...amd, ...arm, index], [index.descriptor]));
    for (const [from, to] of [
      [real.host, strict.host],
      [strict.host, real.host],
    ] as const) {
      await here.ok('cp', '-q', `oci:${dir}`, `${from}/lapidary/index:1`);
      await here.ok('cp', '-q', `${from}/lapidary/index:1`, `${to}/lapidary/copied:1`);
      expect(((await raw(`${to}/lapidary/copied:1`)) as Index).manifests).toEqual(manifests);
      const copy = work.path('copies', to.replace(':', '-'));
      await skopeo('--all', `docker://${to}/lapidary/copied:1`, `dir:${copy}`);
    }
  });
});
