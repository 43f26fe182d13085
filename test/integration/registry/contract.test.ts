import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson, type Descriptor, MEDIA, sha256 } from '../../../src/oci/index.ts';
import { EMPTY_REGISTRY_CONFIG, type RegistryConfig, type Repository } from '../../../src/registry/index.ts';
import { TestAuthority } from '../../support/registry/certificates.ts';
import { loggedIn, type TestClient, testClient } from '../../support/registry/client.ts';
import { REAL_USER, RealRegistry, type RealRegistryOptions } from '../../support/registry/real-registry.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { TokenServer } from '../../support/registry/token-server.ts';
import type { RegistryOptions } from '../../support/registry/types.ts';

/** A registry with all that belongs to it, and what a user of it has configured. */
type Peer = {
  readonly host: string;
  readonly config: RegistryConfig;
  readonly insecure: boolean;
  readonly registry: TestRegistry | RealRegistry;
};
/** What this registry can do; the same calls must come to the same without it. */
type Abilities = { readonly mount: boolean; readonly ranges: boolean };

const stack = new AsyncDisposableStack();
const authority = stack.use(new TestAuthority());
afterAll(() => stack.disposeAsync());
const { name: USER, password: PASSWORD } = REAL_USER;

async function strict(options: RegistryOptions = {}): Promise<Peer> {
  const registry = stack.use(await TestRegistry.start(options));
  return { host: registry.host, config: EMPTY_REGISTRY_CONFIG, insecure: true, registry };
}

async function strictWithTokens(): Promise<Peer> {
  const tokens = stack.use(await TokenServer.start({ users: { [USER]: PASSWORD }, uses: 3 }));
  const peer = await strict({ auth: tokens.authentication });
  return { ...peer, config: loggedIn(peer.host, USER, PASSWORD) };
}

async function real(options: RealRegistryOptions = {}): Promise<Peer> {
  const registry = stack.use(await RealRegistry.start(options));
  return { host: registry.host, config: EMPTY_REGISTRY_CONFIG, insecure: true, registry };
}

async function realWithTls(): Promise<Peer> {
  const peer = await real({ tls: authority.issue('registry'), auth: 'htpasswd' });
  const certificates = await mkdtemp(join(tmpdir(), 'lapidary-certs-'));
  stack.defer(() => rm(certificates, { recursive: true }));
  await mkdir(join(certificates, peer.host));
  await writeFile(join(certificates, peer.host, 'ca.crt'), authority.cert);
  const config = { ...loggedIn(peer.host, USER, PASSWORD), certificateDirectories: [certificates] };
  return { ...peer, config, insecure: false };
}

async function realWithTokens(): Promise<Peer> {
  const signer = authority.issue('tokens');
  const tokens = stack.use(await TokenServer.start({ users: { [USER]: PASSWORD }, signer }));
  const peer = await real({ auth: { tokens, rootCertificates: authority.cert } });
  return { ...peer, config: loggedIn(peer.host, USER, PASSWORD) };
}

const ALL: Abilities = { mount: true, ranges: true };
const PEERS: readonly { name: string; start: () => Promise<Peer>; can: Abilities }[] = [
  { name: 'the strict registry', start: () => strict(), can: ALL },
  {
    name: 'a registry that can do as little as it may',
    start: () =>
      strict({
        referrers: false,
        mount: false,
        chunks: false,
        ranges: false,
        pageSize: 2,
        locations: 'relative',
      }),
    can: { mount: false, ranges: false },
  },
  {
    name: 'a registry that wants large chunks and lists in pages',
    start: () => strict({ pageSize: 1, chunkMinLength: 2 ** 20 }),
    can: ALL,
  },
  { name: 'a registry whose tokens expire after three requests', start: strictWithTokens, can: ALL },
  { name: 'docker-registry', start: () => real(), can: ALL },
  { name: 'docker-registry with TLS by a private authority and a user', start: realWithTls, can: ALL },
  { name: 'docker-registry with tokens', start: realWithTokens, can: ALL },
];

const whole = (bytes: Uint8Array) => (offset: number) => once(bytes.subarray(offset));
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
const blobOf = (bytes: Uint8Array, mediaType: string = MEDIA.ociLayer): Descriptor => ({
  mediaType,
  digest: sha256(bytes),
  size: bytes.length,
});

describe.for(PEERS)('$name', ({ start, can }) => {
  let peer: Peer;
  let kit: TestClient;
  let repository: Repository;
  const bytes = randomBytes(3_000_000);
  const layer = blobOf(bytes);
  let image: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };

  beforeAll(async () => {
    peer = await start();
    kit = testClient({ config: peer.config, insecure: peer.insecure });
    repository = at('team/app');
    image = await pushImage(repository);
  });
  afterAll(() => kit.client[Symbol.asyncDispose]());
  const at = (name: string): Repository => kit.client.repository({ registry: peer.host, repository: name });

  async function pushImage(to: Repository, tag?: string): Promise<typeof image> {
    const config = Buffer.from(canonicalJson({ os: 'linux', architecture: 'amd64', by: to.name }));
    await to.pushBlob(layer, whole(bytes));
    await to.pushBlob(blobOf(config), whole(config));
    const manifest = Buffer.from(
      canonicalJson({
        schemaVersion: 2,
        mediaType: MEDIA.ociManifest,
        config: blobOf(config, MEDIA.ociConfig),
        layers: [layer],
      }),
    );
    const descriptor = await to.putManifest({ bytes: manifest, mediaType: MEDIA.ociManifest }, tag);
    return { descriptor, bytes: manifest };
  }

  test('a blob is uploaded once', async () => {
    const blob = randomBytes(200_000);
    expect(await repository.hasBlob(sha256(blob))).toBe(false);
    expect(await repository.pushBlob(blobOf(blob), whole(blob))).toBe('uploaded');
    expect(await repository.pushBlob(blobOf(blob), whole(blob))).toBe('exists');
    expect(await repository.hasBlob(sha256(blob))).toBe(true);
    expect(blob.equals(await repository.readBlob(blobOf(blob)))).toBe(true);
  });

  test('a blob without a byte is one too', async () => {
    const blob = Buffer.alloc(0);
    expect(await repository.pushBlob(blobOf(blob), whole(blob))).toBe('uploaded');
    expect(await repository.readBlob(blobOf(blob))).toHaveLength(0);
  });

  test('a blob that is made while it is sent has the digest that it comes to', async () => {
    const blob = randomBytes(2_500_000);
    const pushed = await repository.pushStream(() => once(blob));
    expect(pushed).toEqual({ digest: sha256(blob), size: blob.length });
    const received = await buffer(repository.openBlob(blobOf(blob)));
    expect(sha256(received)).toBe(pushed.digest);
  });

  test('a blob of another repository is mounted where that is possible, and uploaded where not', async () => {
    const how = await at('team/other').pushBlob(layer, whole(bytes), { mountFrom: ['team/app'] });
    expect(how).toBe(can.mount ? 'mounted' : 'uploaded');
    expect(await at('team/other').hasBlob(layer.digest)).toBe(true);
    expect(await at('team/third').mountBlob(layer.digest, 'team/app')).toBe(can.mount);
    expect(await at('team/third').mountBlob(sha256('nothing'), 'team/app')).toBe(false);
  });

  test('a download goes on from what is on disk, damaged or not', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lapidary-contract-'));
    stack.defer(() => rm(dir, { recursive: true }));
    for (const [name, start] of Object.entries({
      nothing: Buffer.alloc(0),
      most: bytes.subarray(0, 2_900_000),
      all: bytes,
      damaged: Buffer.concat([Buffer.from('damage'), bytes.subarray(6, 2_900_000)]),
      'too much': Buffer.concat([bytes, bytes]),
    })) {
      const file = join(dir, name);
      await writeFile(file, start);
      await repository.fetchBlobTo(layer, file);
      expect([name, sha256(await readFile(file))]).toEqual([name, layer.digest]);
    }
    if (!(peer.registry instanceof TestRegistry)) return;
    const gets = peer.registry
      .requests({ method: 'GET', path: layer.digest })
      .filter(({ status }) => status < 300);
    const sizes = gets.map(({ bytesOut }) => bytesOut);
    const { size } = layer;
    expect(sizes.sort((a, b) => a - b)).toEqual(
      can.ranges ? [100_000, 100_000, size, size, size].slice(0, sizes.length) : sizes.map(() => size),
    );
  });

  test('manifests are found by digest and tag, as the bytes they are', async () => {
    await pushImage(repository, 'v1');
    const { descriptor } = image;
    expect(await repository.resolve('v1')).toMatchObject(descriptor);
    for (const target of ['v1', descriptor.digest]) {
      const found = await repository.getManifest(target);
      expect(found.descriptor).toMatchObject(descriptor);
      expect(Buffer.from(found.bytes).equals(image.bytes)).toBe(true);
    }
    await expect(repository.resolve('v0')).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
    await expect(repository.getManifest(sha256('no'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
    await expect(repository.readBlob(blobOf(Buffer.from('no')))).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
    });
  });

  test('all tags are listed, whatever a page holds', async () => {
    const tagged = at('team/tagged');
    await pushImage(tagged);
    const tags = ['1', '1.2', '2', 'a', 'b', 'latest'];
    for (const tag of tags) await pushImage(tagged, tag);
    expect((await tagged.listTags()).toSorted()).toEqual(tags);
    await expect(at('team/none').listTags()).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
  });

  test('a manifest is deleted with its tags', async () => {
    const deleted = at('team/deleted');
    const { descriptor } = await pushImage(deleted, 'v1');
    await deleted.deleteManifest(descriptor.digest);
    await expect(deleted.resolve('v1')).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
    await expect(deleted.deleteManifest(descriptor.digest)).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
    });
  });

  test('artifacts are found by their subject and kind', async () => {
    const { descriptor: subject } = image;
    expect(await repository.referrers(subject.digest)).toEqual([]);
    const push = (artifactType: string, text: string): Promise<Descriptor> =>
      repository.pushReferrer({
        subject,
        artifactType,
        layers: [{ mediaType: 'text/plain', bytes: Buffer.from(text) }],
        annotations: { note: text },
      });
    const [one, two, three] = [
      await push('application/x.sbom', 'one'),
      await push('application/x.sbom', 'two'),
      await push('application/x.signature', 'three'),
    ];
    const digests = async (artifactType?: string): Promise<string[]> =>
      (await repository.referrers(subject.digest, artifactType === undefined ? {} : { artifactType }))
        .map(({ digest }) => digest)
        .toSorted();
    expect(await digests()).toEqual([one, two, three].map(({ digest }) => digest).toSorted());
    expect(await digests('application/x.sbom')).toEqual([one, two].map(({ digest }) => digest).toSorted());
    expect(await digests('application/x.other')).toEqual([]);
    const [found] = await repository.referrers(subject.digest, { artifactType: 'application/x.signature' });
    expect(found).toMatchObject({ annotations: { note: 'three' } });
  });

  test('whether pushing is allowed is found out without leaving anything', async () => {
    const uploads = (): number | undefined =>
      peer.registry instanceof TestRegistry ? peer.registry.storage.uploads.size : undefined;
    const before = uploads();
    await repository.checkPush();
    expect(uploads()).toBe(before);
    if (peer.config.credentialFiles.length === 0) return;
    await using stranger = testClient({
      config: { ...peer.config, ...withPassword(peer.host, 'wrong') },
      insecure: peer.insecure,
    }).client;
    const theirs = stranger.repository({ registry: peer.host, repository: 'team/app' });
    await expect(theirs.checkPush()).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  });

  test('all that was asked for so far was asked for as it should be', () => {
    expect(peer.registry instanceof TestRegistry ? peer.registry.violations : []).toEqual([]);
  });
});

const withPassword = (host: string, password: string): Pick<RegistryConfig, 'credentialFiles'> => ({
  credentialFiles: loggedIn(host, USER, password).credentialFiles,
});
