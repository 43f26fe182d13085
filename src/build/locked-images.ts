import { LapidaryError, quoted } from '../errors/index.ts';
import {
  familiarName,
  formatPlatform,
  formatReference,
  normalisePlatform,
  type Platform,
  parseReference,
  withDefaultTag,
} from '../oci/index.ts';
import type { ImageSource, ResolvedImage } from '../solve/index.ts';
import type { BaseImageSource, FoundImage } from './image-source.ts';
import type { Lock, LockedImage } from './lock-file.ts';
import type { NamedContext } from './named-contexts.ts';

type Contexts = ReadonlyMap<string, NamedContext>;
export type ImageKey = { readonly section: 'images' | 'layouts'; readonly name: string };

/** Under what a lock file has an image that a Dockerfile names. */
export function imageLockKey(reference: string, contexts: Contexts): ImageKey {
  const context = contexts.get(reference);
  if (context?.type === 'oci-layout') return { section: 'layouts', name: reference };
  const name = context?.type === 'image' ? context.reference : reference;
  return { section: 'images', name: formatReference(withDefaultTag(parseReference(name))) };
}

export const platformKey = (platform: Platform): string => formatPlatform(normalisePlatform(platform));

/** A name that leads to one digest only. */
export function pinned(name: string, digest: string): string {
  const { registry, repository, tag } = parseReference(name);
  return familiarName(
    parseReference(`${registry}/${repository}${tag === undefined ? '' : `:${tag}`}@${digest}`),
  );
}

/** Images as a lock file has them: what it does not name is an error, and so is another image under its name. */
export class LockedImages implements ImageSource {
  readonly #lock: Lock;
  readonly #parts: {
    readonly path: string;
    readonly images: BaseImageSource;
    readonly contexts: Contexts;
  };

  constructor(
    lock: Lock,
    parts: { readonly path: string; readonly images: BaseImageSource; readonly contexts: Contexts },
  ) {
    this.#lock = lock;
    this.#parts = parts;
  }

  async resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    const { images, contexts, path } = this.#parts;
    const { section, name } = imageLockKey(reference, contexts);
    const locked = this.#lock[section][name];
    const key = platformKey(platform);
    const manifest = locked?.platforms?.[key];
    if (locked === undefined || (manifest ?? locked.ids?.[key]) === undefined) {
      throw incomplete(name, { path, locked, platform: key });
    }
    const target = section === 'images' && manifest !== undefined ? pinned(name, manifest) : reference;
    const found = await images.find(target, platform);
    assertLocked(found, { path, name, locked, key });
    return images.open(found);
  }
}

/** @throws LapidaryError LOCK_MISMATCH */
function assertLocked(
  { image, manifest }: FoundImage,
  {
    path,
    name,
    locked,
    key,
  }: { readonly path: string; readonly name: string; readonly locked: LockedImage; readonly key: string },
): void {
  const wanted = locked.platforms?.[key] ?? locked.ids?.[key];
  const found = locked.platforms?.[key] === undefined ? image.id : manifest;
  if (found === wanted) return;
  const what = found === undefined ? 'has no manifest' : `is ${found}`;
  throw new LapidaryError(
    'LOCK_MISMATCH',
    `the image ${quoted(name)} ${what}, but ${quoted(path)} has ${wanted}`,
    {
      hint: 'see what moved with `lapidary lock --update`',
    },
  );
}

function incomplete(
  name: string,
  {
    path,
    locked,
    platform,
  }: { readonly path: string; readonly locked: LockedImage | undefined; readonly platform: string },
): LapidaryError {
  if (locked === undefined) {
    return new LapidaryError('LOCK_INCOMPLETE', `${quoted(path)} does not name the image ${quoted(name)}`, {
      hint: 'add it with `lapidary lock`',
    });
  }
  const has = Object.keys({ ...locked.platforms, ...locked.ids }).join(', ');
  return new LapidaryError(
    'LOCK_INCOMPLETE',
    `${quoted(path)} has the image ${quoted(name)} for ${has}, not for ${platform}`,
    { hint: `add it with \`lapidary lock --platform ${platform}\`` },
  );
}
