import { LapidaryError } from '../errors/index.ts';
import { type PreflightFinding, planSlim, type SlimPlan } from '../inspect/index.ts';
import { canonicalJson, type Digest, type ImageConfig, type Platform } from '../oci/index.ts';
import { inTurns, type StoredImage, writeLayerRecord } from '../solve/index.ts';
import { Tree } from '../tree/index.ts';
import { type FindAccess, readImageContents } from './image-contents.ts';
import { measureIn } from './local-store.ts';
import { normaliseTag } from './outputs.ts';
import { lookAtImage } from './preflight-image.ts';
import type { RemoteAccess } from './remote-access.ts';

export type SlimRequest = {
  /** A name or ID of the local store. */
  readonly image: string;
  /** Default: the tag of the image with `-slim` behind it. */
  readonly tag?: string | undefined;
  /** Absolute paths and patterns of the image that are kept, with all that they need. */
  readonly paths: readonly string[];
  /** Default: all that the name stands for. */
  readonly platform?: Platform | undefined;
};

export type SlimmedImage = Pick<SlimPlan, 'roots' | 'missing' | 'leftOut' | 'kept' | 'notes'> & {
  readonly platform: Platform;
  readonly id: Digest;
  /** Bytes of the layers, uncompressed, after and before. */
  readonly size: number;
  readonly before: number;
  /** What would keep the result from being started. */
  readonly findings: readonly PreflightFinding[];
};
export type Slimmed = {
  /** Normalised. */
  readonly reference: string;
  /** One per platform. */
  readonly images: readonly SlimmedImage[];
};

/**
 * Makes an image of what another one needs, with the same configuration and one layer, and tags it.
 * @throws LapidaryError SLIM_UNKNOWN, PATH_NOT_FOUND, IMAGE_NOT_FOUND
 */
export async function slimImage(request: SlimRequest, { remote, find }: FindAccess): Promise<Slimmed> {
  const { images, picked, tagged } = await find(request.image, request.platform);
  const reference = normaliseTag(request.tag ?? slimName(tagged?.reference));
  const made: { readonly stored: StoredImage; readonly slimmed: SlimmedImage }[] = [];
  for (const image of request.platform === undefined ? images : [picked])
    made.push(await slimOne(image, request, remote));
  await remote.store.images.tag(
    reference,
    made.map(({ stored }) => stored),
  );
  return { reference, images: made.map(({ slimmed }) => slimmed) };
}

function slimName(reference: string | undefined): string {
  if (reference !== undefined) return `${reference}-slim`;
  throw new LapidaryError('USAGE', 'an image that is given by its ID has no name to be called after', {
    hint: 'add -t NAME',
  });
}

async function slimOne(
  image: StoredImage,
  { paths }: SlimRequest,
  remote: RemoteAccess,
): Promise<{ readonly stored: StoredImage; readonly slimmed: SlimmedImage }> {
  const { store } = remote;
  const contents = await readImageContents(image, remote);
  const { entries, ...plan } = await planSlim(contents, paths);
  const { id: layer } = await store.layers.write(entries);
  const measured = await measureIn(store)(layer);
  await writeLayerRecord(store.facts, measured.diffId, { layer, size: measured.size });
  const config = slimConfig(contents.config, measured.diffId);
  const { digest: id } = await store.blobs.putBytes(new TextEncoder().encode(canonicalJson(config)));
  const stored = { id, platform: image.platform, layers: [{ layer, ...measured }] };
  const tree = await inTurns(Tree.empty.applySteps(entries));
  const slimmed = {
    ...plan,
    platform: image.platform,
    id,
    size: measured.size,
    before: contents.layers.reduce((sum, { size }) => sum + size, 0),
    findings: await lookAtImage(stored, tree, store),
  };
  return { stored, slimmed };
}

/** The same, but for the layers; the time too, so that the same image always gives the same. */
function slimConfig(config: ImageConfig, diffId: ImageConfig['rootfs']['diff_ids'][number]): ImageConfig {
  const created = config.created === undefined ? {} : { created: config.created };
  return {
    ...config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ ...created, created_by: 'lapidary slim', comment: 'lapidary' }],
  };
}
