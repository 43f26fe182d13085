import { TestRegistry } from '../../test/support/registry/test-registry.ts';
import type { RegistryOptions } from '../../test/support/registry/types.ts';
import { MEDIA } from '../oci/index.ts';
import { blobOf, loggedIn, openTestClient, sourceOf, testBytes } from './test-client.ts';

export const bytes: Buffer = testBytes(300_001);
export const blob: ReturnType<typeof blobOf> = blobOf(bytes);
export const manifest: Uint8Array = new TextEncoder().encode(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: { mediaType: MEDIA.ociConfig, digest: blob.digest, size: blob.size },
    layers: [],
  }),
);

/** A registry whose repository a/b holds the blob, and the manifest as tag 1. Its log is empty. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const { faults = [], ...rest } = options;
  const registry = await TestRegistry.start(rest);
  await using filled = openTestClient(loggedIn(registry.host, 'me', 'secret'));
  const repository = filled.client.repository(inRepository(registry));
  await repository.pushBlob(blob, sourceOf(bytes));
  await repository.putManifest({ bytes: manifest, mediaType: MEDIA.ociManifest }, '1');
  registry.log.length = 0;
  registry.faults.add(...faults);
  return registry;
}

export const inRepository = ({
  host,
}: Pick<TestRegistry, 'host'>): { readonly registry: string; readonly repository: string } => ({
  registry: host,
  repository: 'a/b',
});

/** Requests for the bytes of blobs. */
export const get = { method: 'GET', endpoint: 'blob' } as const;
