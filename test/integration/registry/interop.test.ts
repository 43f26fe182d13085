import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Index, type Manifest, MEDIA } from '../../../src/oci/index.ts';
import { Workspace } from '../../support/cli.ts';
import { AMD64, ARM64, blob, first, image, layout, TAR } from '../../support/make-image.ts';
import { BuildahStore, run } from '../../support/registry/buildah-store.ts';
import { RealRegistry } from '../../support/registry/real-registry.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { writeMembers } from '../../support/write-members.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let buildah: BuildahStore;
let real: RealRegistry;
let strict: TestRegistry;
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  buildah = stack.use(await BuildahStore.create());
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

  /** What the image has at etc/motd, for a platform. */
  async function motd(name: string, ...flags: readonly string[]): Promise<string> {
    const dir = await work.files('from', { Dockerfile: `FROM ${name}\n` });
    const out = work.path('out', name.replaceAll(/[/:]/g, '-'), ...flags);
    await work.ok(['build', '-q', '--pull', ...flags, '-o', `type=local,dest=${out}`, dir]);
    return readFile(join(out, 'etc/motd'), 'utf8');
  }

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
      const pulled = await work.ok(['pull', '-q', '--platform=linux/arm64', reference]);
      expect(pulled).toContain(reference);
      expect(
        (await work.ok(['inspect', '--platform=linux/arm64', '-f', '{{.Architecture}}', reference])).trim(),
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

describe('skopeo and buildah pull', () => {
  /** Pulls with all digests checked; returns what buildah finds at /hello. */
  async function pulledByPeers(reference: string): Promise<string> {
    const copy = work.path('copies', reference.replaceAll(/[/:]/g, '-'));
    await mkdir(work.path('copies'), { recursive: true });
    await skopeo(`docker://${reference}`, `dir:${copy}`);
    await buildah.run('pull', '-q', '--tls-verify=false', `docker://${reference}`);
    const container = await buildah.run('from', '--pull-never', reference);
    const mount = await buildah.run('mount', container);
    const found = await readFile(join(mount, 'hello'), 'utf8');
    await buildah.run('rm', container);
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
  ])('what we built and pushed: $name', async ({ name, output, manifest, layer }) => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/lapidary/${name}:1`;
      await work.ok(['build', '-q', '-o', `type=image,push=true,name=${reference}${output}`, context]);
      const pushed = (await raw(reference)) as Manifest;
      expect(pushed.mediaType).toBe(manifest);
      expect(pushed.layers.map(({ mediaType }) => mediaType)).toEqual([layer]);
      expect(await pulledByPeers(reference)).toBe('hello');
    }
  });

  test('what was built and tagged, and pushed later', async () => {
    for (const { host } of [real, strict]) {
      const reference = `${host}/lapidary/later:1`;
      await work.ok(['build', '-q', '-t', reference, context]);
      await work.ok(['push', '-q', reference]);
      expect(await pulledByPeers(reference)).toBe('hello');
    }
  });

  test('what build --push pushed under several names', async () => {
    const names = [real, strict].map(({ host }) => `${host}/lapidary/push:1`);
    await work.ok(['build', '-q', '--push', ...names.flatMap((name) => ['-t', name]), context]);
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
      await work.ok(['cp', '-q', `oci:${dir}`, `${from}/lapidary/index:1`]);
      await work.ok(['cp', '-q', `${from}/lapidary/index:1`, `${to}/lapidary/copied:1`]);
      expect(((await raw(`${to}/lapidary/copied:1`)) as Index).manifests).toEqual(manifests);
      const copy = work.path('copies', to.replace(':', '-'));
      await skopeo('--all', `docker://${to}/lapidary/copied:1`, `dir:${copy}`);
    }
  });
});
