import { rename, rm, writeFile } from 'node:fs/promises';
import { type Dockerfile, parseDockerfile } from '../dockerfile/index.ts';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import {
  formatPlatform,
  formatReference,
  hostPlatform,
  type Platform,
  parsePlatform,
  parseReference,
  withDefaultTag,
} from '../oci/index.ts';
import type { ResolvedImage } from '../solve/index.ts';
import { openCredentials } from './credentials.ts';
import { BaseImageSource } from './image-source.ts';
import { openLocalStore } from './local-store.ts';
import { type LockChange, lockChanges } from './lock-changes.ts';
import { LockDraft } from './lock-draft.ts';
import type { Lock } from './lock-file.ts';
import { openMainContext } from './main-context.ts';
import { namedContexts, planPlatforms } from './make-plan.ts';
import { RemoteAccess } from './remote-access.ts';
import { remoteSources } from './remote-sources.ts';
import type { BuildOptions, BuildRequest } from './types.ts';
import { readLock } from './with-lock.ts';

export type LockRequest = Pick<
  BuildRequest,
  'context' | 'dockerfile' | 'target' | 'buildArgs' | 'contexts'
> & {
  /** Default: those that the lock file has, else that of this machine. */
  readonly platforms?: readonly Platform[];
  /** Absolute; default: beside the Dockerfile. */
  readonly file?: string | undefined;
  /** What is asked for anew although the lock file has it: everything, or these names. */
  readonly update?: 'all' | readonly string[];
  /** Compare, and write nothing. */
  readonly check?: boolean;
};

export type LockResult = {
  readonly path: string;
  readonly lock: Lock;
  /** In the order of the file. */
  readonly changes: readonly LockChange[];
};

/**
 * Finds out what a Dockerfile takes from elsewhere and writes it down: every base image by platform, every file by its
 * digest, every reference of a repository by its commit. What the file has already stays as it is.
 * @throws LapidaryError LOCK_INVALID; what a build throws that cannot find something
 */
export async function lockBuild(request: LockRequest, options: BuildOptions): Promise<LockResult> {
  const signal = options.signal ?? new AbortController().signal;
  const emit = options.onEvent ?? ((): void => undefined);
  await using store = await openLocalStore(options.store);
  const remote = remoteSources(store, options, await openCredentials(options));
  const main = await openMainContext(request, { store, remote, signal, stdin: options.stdin });
  const { EMPTY_LOCK, lockPath } = await import('./lock-file.ts');
  const path = lockPath(main.dockerfile, request.file);
  const before = (await readLock(path)) ?? EMPTY_LOCK;
  await using access = new RemoteAccess({ store, config: options.registries, emit, signal });
  const contexts = namedContexts(request);
  const source = (pull: 'missing' | 'newer'): BaseImageSource =>
    new BaseImageSource({ remote: access, contexts, pull });
  const draft = new LockDraft({
    before,
    path,
    update: updated(request.update ?? [], before, path),
    images: source('missing'),
    newImages: source('newer'),
    isLocal: async (name) => {
      const tagged = await store.images.get(name);
      return tagged !== undefined && tagged.remote === undefined;
    },
    contexts,
    remote,
    signal,
  });
  const file = parseDockerfile(main.dockerfile.source);
  const platforms = request.platforms ?? platformsOf(before);
  for (const platform of platforms) await lockPlatform(file, { request, platform, contexts, draft });
  const lock = draft.finish(platforms.map(formatPlatform));
  const changes = lockChanges(before, lock);
  if (request.check !== true) await writeLock(path, lock);
  return { path, lock, changes };
}

type PlatformParts = {
  readonly request: LockRequest;
  readonly platform: Platform;
  readonly contexts: ReturnType<typeof namedContexts>;
  readonly draft: LockDraft;
};

/** Plans every stage, or what the target reaches, and writes down what the plans need. */
async function lockPlatform(
  file: Dockerfile,
  { request, platform, contexts, draft }: PlatformParts,
): Promise<void> {
  const targets =
    request.target === undefined ? file.stages.map(({ index }) => `${index}`) : [request.target];
  const found = new Map<string, ResolvedImage>();
  const allow = ['network.host', 'security.insecure'] as const;
  for (const target of targets) {
    const asked = { ...request, target, allow };
    const [plan] = await planPlatforms(file, [platform], { request: asked, contexts, images: draft, found });
    if (plan !== undefined) await draft.addPlan(plan);
  }
}

const platformsOf = ({ platforms }: Lock): readonly Platform[] =>
  platforms.length > 0 ? platforms.map(parsePlatform) : [hostPlatform(process.arch, 'linux')];

/** @throws LapidaryError USAGE for a name that the lock file does not have */
function updated(names: 'all' | readonly string[], before: Lock, path: string): (name: string) => boolean {
  if (names === 'all') return () => true;
  const known = [before.images, before.layouts, before.files, before.git].flatMap(Object.keys);
  const wanted = new Set<string>();
  for (const name of names) {
    const found = known.find((one) => one === name || one === fullName(name));
    if (found !== undefined) wanted.add(found);
    else {
      throw new LapidaryError('USAGE', `${quoted(path)} does not name ${quoted(name)}`, {
        hint: known.length === 0 ? 'it names nothing yet' : `it names ${known.slice(0, 10).join(', ')}`,
      });
    }
  }
  return (name) => wanted.has(name);
}

/** `debian:trixie` for what stands there as docker.io/library/debian:trixie. */
function fullName(name: string): string | undefined {
  try {
    return formatReference(withDefaultTag(parseReference(name)));
  } catch (error) {
    if (error instanceof LapidaryError) return undefined;
    throw error;
  }
}

/** Readers see the old file or the new one, whole. */
async function writeLock(path: string, lock: Lock): Promise<void> {
  const { formatLock } = await import('./lock-file.ts');
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(aside, formatLock(lock));
    await rename(aside, path);
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw new LapidaryError('EXPORT_FAILED', `${quoted(path)} cannot be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}
