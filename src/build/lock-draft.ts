import { LapidaryError, quoted } from '../errors/index.ts';
import { type Digest, isDigest, type Platform, parsePlatform } from '../oci/index.ts';
import { type CopySource, type GitRef, type Plan, parseGitRef } from '../plan/index.ts';
import { type ImageSource, locateError, type RemoteSources, type ResolvedImage } from '../solve/index.ts';
import type { BaseImageSource, FoundImage } from './image-source.ts';
import type { Lock, LockedImage } from './lock-file.ts';
import { type ImageKey, imageLockKey, LockedImages, pinned, platformKey } from './locked-images.ts';
import { fileLockKey, gitLockKey } from './locked-sources.ts';
import type { NamedContext } from './named-contexts.ts';
import { everyOp } from './plan-ops.ts';

export type LockDraftParts = {
  readonly before: Lock;
  readonly path: string;
  /** Whether a name is asked for anew. */
  readonly update: (name: string) => boolean;
  readonly images: BaseImageSource;
  /** The same, but a registry is asked although the store has something. */
  readonly newImages: BaseImageSource;
  /** Whether a name is of an image that was made here. */
  readonly isLocal: (name: string) => Promise<boolean>;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly remote: RemoteSources;
  readonly signal: AbortSignal;
};

/** A lock while it is being made: remembers what plans ask for, and asks for what the lock before it does not have. */
export class LockDraft implements ImageSource {
  readonly #parts: LockDraftParts;
  readonly #locked: LockedImages;
  readonly #resolved = new Map<string, Promise<ResolvedImage>>();
  readonly #images = { images: new Map<string, LockedImage>(), layouts: new Map<string, LockedImage>() };
  readonly #files = new Map<string, Digest>();
  readonly #git = new Map<string, string>();

  constructor(parts: LockDraftParts) {
    this.#parts = parts;
    this.#locked = new LockedImages(parts.before, parts);
  }

  resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    const key = `${reference} ${platformKey(platform)}`;
    const known = this.#resolved.get(key) ?? this.#resolve(reference, platform);
    this.#resolved.set(key, known);
    return known;
  }

  /** Writes down the files and repositories that the steps of a plan read, named contexts too. */
  async addPlan(plan: Plan): Promise<void> {
    for (const op of everyOp(plan)) {
      if (op.op === 'context') await this.#addContext(op.name);
      if (op.op !== 'copy') continue;
      for (const source of op.sources) await this.#addSource(source);
    }
  }

  finish(platforms: readonly string[]): Lock {
    return {
      platforms,
      images: Object.fromEntries(this.#images.images),
      layouts: Object.fromEntries(this.#images.layouts),
      files: Object.fromEntries(this.#files),
      git: Object.fromEntries(this.#git),
    };
  }

  async #resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    const { before, contexts, update, images } = this.#parts;
    const key = imageLockKey(reference, contexts);
    const known = update(key.name) ? undefined : before[key.section][key.name];
    const own = platformKey(platform);
    if (known !== undefined) this.#add(key, known);
    if ((known?.platforms?.[own] ?? known?.ids?.[own]) !== undefined)
      return this.#locked.resolve(reference, platform);
    const found = await this.#find({ reference, key, known }, platform);
    this.#add(key, entryOf(key, found, own));
    if (known === undefined) await this.#otherPlatforms(reference, key);
    return images.open(found);
  }

  #find(
    { reference, key, known }: { reference: string; key: ImageKey; known: LockedImage | undefined },
    platform: Platform,
  ): Promise<FoundImage> {
    // One more platform of what is locked
    if (known?.digest !== undefined) return this.#parts.images.find(pinned(key.name, known.digest), platform);
    return this.#findNew(reference, key, platform);
  }

  async #findNew(reference: string, { section, name }: ImageKey, platform: Platform): Promise<FoundImage> {
    const { images, newImages, update, isLocal } = this.#parts;
    const asks = section === 'images' && update(name) && !(await isLocal(name));
    return (asks ? newImages : images).find(reference, platform);
  }

  /** What was locked for other machines is so again. */
  async #otherPlatforms(reference: string, key: ImageKey): Promise<void> {
    const { platforms, ids } = this.#parts.before[key.section][key.name] ?? {};
    for (const name of Object.keys({ ...platforms, ...ids })) {
      const now = this.#images[key.section].get(key.name);
      if ((now?.platforms?.[name] ?? now?.ids?.[name]) !== undefined) continue;
      try {
        this.#add(key, entryOf(key, await this.#findNew(reference, key, parsePlatform(name)), name));
      } catch (error) {
        // It has no such image any more
        if (!(error instanceof LapidaryError) || error.code !== 'IMAGE_NOT_FOUND') throw error;
      }
    }
  }

  #add({ section, name }: ImageKey, entry: LockedImage): void {
    const known = this.#images[section].get(name);
    if (known?.digest !== undefined && entry.digest !== undefined && known.digest !== entry.digest) {
      throw new LapidaryError('LOCK_MISMATCH', `the image ${quoted(name)} moved while it was locked`, {
        hint: 'try again',
      });
    }
    this.#images[section].set(name, {
      digest: entry.digest ?? known?.digest,
      platforms: { ...known?.platforms, ...entry.platforms },
      ids: { ...known?.ids, ...entry.ids },
    });
  }

  async #addContext(name: string): Promise<void> {
    const context = this.#parts.contexts.get(name);
    if (context?.type !== 'remote') return;
    const git = parseGitRef(context.location, { short: true });
    await (git === undefined ? this.#addFile({ url: context.location }) : this.#addGit(git));
  }

  async #addSource(source: CopySource): Promise<void> {
    try {
      if (source.kind === 'http') await this.#addFile(source);
      if (source.kind === 'git') await this.#addGit(source.git);
    } catch (error) {
      throw locateError(error, source);
    }
  }

  async #addFile({ url, checksum }: { readonly url: string; readonly checksum?: string }): Promise<void> {
    const { before, update, remote, signal } = this.#parts;
    const key = fileLockKey(url);
    const known = before.files[key];
    const stays = known !== undefined && !update(key) && (!isDigest(checksum ?? '') || checksum === known);
    const asked = { url, ...(checksum !== undefined && { checksum }) };
    this.#files.set(key, stays ? known : (await remote.http(asked, signal)).digest);
  }

  async #addGit(ref: GitRef): Promise<void> {
    const { before, update, remote, signal } = this.#parts;
    const key = gitLockKey(ref);
    const known = before.git[key];
    const stays = known !== undefined && !update(key) && known.startsWith(ref.checksum ?? '');
    this.#git.set(key, stays ? known : (await remote.git(ref, signal)).commit);
  }
}

/** A manifest can be asked for again where a registry or a layout has it. */
function entryOf(
  { section }: ImageKey,
  { image, root, manifest }: FoundImage,
  platform: string,
): LockedImage {
  const isThere = manifest !== undefined && (root !== undefined || section === 'layouts');
  if (!isThere) return { ids: { [platform]: image.id } };
  return { ...(section === 'images' && { digest: root }), platforms: { [platform]: manifest } };
}
