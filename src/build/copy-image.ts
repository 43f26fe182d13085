import { resolve } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Digest,
  formatReference,
  type Platform,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/index.ts';
import type { StoredImage, TaggedImage } from '../solve/index.ts';
import { type CopySource, planCopy } from './copy-plan.ts';
import { registrySource, storedSource, storeSource } from './copy-sources.ts';
import { copyToDockerArchive, copyToLayout, copyToRegistry, copyToStore } from './copy-targets.ts';
import { normaliseTag } from './outputs.ts';
import type { RemoteAccess } from './remote-access.ts';

/** A place of an image, as `cp` and `inspect` name it. */
export type ImagePlace =
  | { readonly at: 'registry'; readonly reference: Reference }
  | { readonly at: 'store'; readonly name: string }
  | { readonly at: 'oci' | 'oci-archive' | 'docker-archive'; readonly path: string; readonly tag?: string };

const FILES = ['oci', 'oci-archive', 'docker-archive'] as const;

/**
 * `docker://REF` or `REF`: a registry; `store:NAME`; `oci:DIR[:TAG]`; `oci-archive:FILE[:TAG]`;
 * `docker-archive:FILE[:NAME]`. Paths are below `cwd`.
 * @throws LapidaryError REFERENCE_INVALID
 */
export function parseImagePlace(text: string, cwd: string): ImagePlace {
  if (text.startsWith('store:')) return { at: 'store', name: text.slice('store:'.length) };
  const at = FILES.find((scheme) => text.startsWith(`${scheme}:`));
  if (at === undefined) {
    const reference = parseReference(text.startsWith('docker://') ? text.slice('docker://'.length) : text);
    return { at: 'registry', reference: withDefaultTag(reference) };
  }
  const rest = text.slice(at.length + 1);
  // As skopeo has it: the path ends at the first colon
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (path === '') {
    throw new LapidaryError('USAGE', `there is no path in ${quoted(text)}`, {
      hint: `expected ${at}:PATH[:TAG]`,
    });
  }
  return { at, path: resolve(cwd, path), ...(colon >= 0 && { tag: rest.slice(colon + 1) }) };
}

/** With a platform the image for it alone. */
export type FindStored = (
  name: string,
  platform?: Platform,
) => Promise<{
  readonly images: readonly StoredImage[];
  /** The one for the platform, else the one that this machine runs best. */
  readonly picked: StoredImage;
  readonly tagged?: TaggedImage | undefined;
}>;

/** Opens an image where it is; layers stay there until they are read. */
export async function openCopySource(
  place: ImagePlace,
  { remote, find }: { readonly remote: RemoteAccess; readonly find: FindStored },
): Promise<CopySource> {
  switch (place.at) {
    case 'registry':
      return registrySource(formatReference(place.reference), place.reference, remote);
    case 'store': {
      const { images, tagged } = await find(place.name);
      return storeSource(place.name, images, { remote, tagged });
    }
    case 'docker-archive':
      return dockerArchiveSource(place.path, place.tag, remote);
    default: {
      const { openImageArchive, openLayoutSource } = await import('../context/index.ts');
      const pick =
        place.tag === undefined ? ({ by: 'default' } as const) : ({ by: 'tag', tag: place.tag } as const);
      const archive = await openImageArchive(place.path);
      const { blobs } = remote.store;
      const opened = await openLayoutSource(archive, pick, { blobs, signal: remote.signal });
      return storedSource(remote, { name: place.path, ...opened });
    }
  }
}

/** Its layers are tars without manifests: they are read into the store, and made blobs there. */
async function dockerArchiveSource(
  path: string,
  name: string | undefined,
  remote: RemoteAccess,
): Promise<CopySource> {
  const { importImages, openImageArchive } = await import('../context/index.ts');
  const archive = await openImageArchive(path);
  const imported = await importImages(archive, { ports: remote.store, signal: remote.signal });
  const wanted = name === undefined ? undefined : normaliseTag(name);
  const found = imported.filter(({ references }) => wanted === undefined || references.includes(wanted));
  if (found.length === 1)
    return storeSource(
      path,
      found.map(({ image }) => image),
      { remote },
    );
  throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(path)} holds ${found.length} images of this name`, {
    hint: 'name one of them: docker-archive:FILE:NAME',
  });
}

export type CopyRequest = {
  readonly from: ImagePlace;
  readonly to: ImagePlace;
  /** Default: all of them, with attestations. */
  readonly platform?: Platform | undefined;
};

/** Copies an image as it is: no layer is unpacked, no digest changes. @returns the digest of what was copied */
export async function copyImage(
  { from, to, platform }: CopyRequest,
  access: { readonly remote: RemoteAccess; readonly find: FindStored },
): Promise<Digest> {
  const source = await openCopySource(from, access);
  return copySource(source, { to, platform }, access.remote);
}

/** The same from a source that is open. */
export async function copySource(
  source: CopySource,
  { to, platform }: Pick<CopyRequest, 'to' | 'platform'>,
  remote: RemoteAccess,
): Promise<Digest> {
  const plan = await planCopy(source, platform);
  const copy = { plan, source, remote };
  switch (to.at) {
    case 'registry':
      await copyToRegistry(copy, to.reference);
      break;
    case 'store':
      await remote.store.images.tag(normaliseTag(to.name), await copyToStore(copy));
      break;
    case 'docker-archive':
      await copyToDockerArchive(copy, { dest: to.path, references: to.tag ? [normaliseTag(to.tag)] : [] });
      break;
    default:
      await copyToLayout(copy, { dest: to.path, tar: to.at === 'oci-archive', tag: to.tag });
  }
  return plan.root.descriptor.digest;
}
