import {
  compareConfigs,
  compareTrees,
  type ImageContents,
  type PathChange,
  type SettingChange,
  type SizeReport,
  sizeReport,
} from '../inspect/index.ts';
import type { Digest, Platform } from '../oci/index.ts';
import type { ImagePlace } from './copy-image.ts';
import { type FindAccess, findImage, readImageContents } from './image-contents.ts';

export type SizeOptions = {
  /** Default: the one that this machine runs best. */
  readonly platform?: Platform | undefined;
  /** How deep directories are told; 0 is the root alone. */
  readonly depth: number;
};

/** Which image was looked at. */
export type LookedAtImage = { readonly id: Digest; readonly platform: Platform; readonly size: number };
export type ImageSize = { readonly image: LookedAtImage; readonly report: SizeReport };
export type ImageDiff = {
  readonly before: LookedAtImage;
  readonly after: LookedAtImage;
  /** Layers that both begin with. */
  readonly sharedLayers: number;
  readonly config: readonly SettingChange[];
  /** In the order of the paths. */
  readonly files: readonly PathChange[];
};

const lookedAt = ({ id, platform, layers }: ImageContents): LookedAtImage => ({
  id,
  platform,
  size: layers.reduce((sum, { size }) => sum + size, 0),
});

export async function measureImage(
  place: ImagePlace,
  { platform, depth }: SizeOptions,
  access: FindAccess,
): Promise<ImageSize> {
  const contents = await readImageContents(await findImage(place, platform, access), access.remote);
  return { image: lookedAt(contents), report: await sizeReport(contents, depth) };
}

export async function compareImages(
  {
    before,
    after,
    platform,
  }: { readonly before: ImagePlace; readonly after: ImagePlace; readonly platform?: Platform | undefined },
  access: FindAccess,
): Promise<ImageDiff> {
  const [old, now] = await Promise.all(
    [before, after].map(async (place) =>
      readImageContents(await findImage(place, platform, access), access.remote),
    ),
  );
  if (old === undefined || now === undefined) throw new Error('two places give two images');
  const differs = now.layers.findIndex(({ diffId }, i) => diffId !== old.layers[i]?.diffId);
  return {
    before: lookedAt(old),
    after: lookedAt(now),
    sharedLayers: differs < 0 ? now.layers.length : differs,
    config: compareConfigs(old.config, now.config),
    files: compareTrees(old.filesystem.tree, now.filesystem.tree),
  };
}
