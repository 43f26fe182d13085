import { basename, dirname, join } from 'node:path';
import {
  array,
  custom,
  literal,
  object,
  optional,
  pipe,
  record,
  regex,
  safeParse,
  strictObject,
  string,
  unknown,
} from 'valibot';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { type Digest, isDigest } from '../oci/index.ts';
import type { DockerfileText } from './dockerfile-file.ts';

/** An image by platform. What is in no registry is told by its image ID. */
export type LockedImage = {
  /** What its name led to: of an index or a manifest. */
  readonly digest?: Digest | undefined;
  /** Of manifests. */
  readonly platforms?: Readonly<Record<string, Digest>> | undefined;
  readonly ids?: Readonly<Record<string, Digest>> | undefined;
};

/** Everything that a Dockerfile takes from elsewhere. */
export type Lock = {
  /** What it was made for. */
  readonly platforms: readonly string[];
  /** By normalised reference. */
  readonly images: Readonly<Record<string, LockedImage>>;
  /** Named contexts that are OCI layouts, by name. */
  readonly layouts: Readonly<Record<string, LockedImage>>;
  /** By URL, without user and password. */
  readonly files: Readonly<Record<string, Digest>>;
  /** Commits, by `URL#REFERENCE`. */
  readonly git: Readonly<Record<string, string>>;
};

export const EMPTY_LOCK: Lock = { platforms: [], images: {}, layouts: {}, files: {}, git: {} };
const VERSION = 1;

const digest = custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'not sha256: and 64 lowercase hex digits',
);
const digests = record(string(), digest);
const image = strictObject({
  digest: optional(digest),
  platforms: optional(digests),
  ids: optional(digests),
});
const commit = pipe(string(), regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'not a commit'));
const schema = strictObject({
  version: literal(VERSION),
  platforms: array(string()),
  images: optional(record(string(), image), {}),
  layouts: optional(record(string(), image), {}),
  files: optional(record(string(), digest), {}),
  git: optional(record(string(), commit), {}),
});

/** `Dockerfile` has `lapidary.lock` beside it, `other.Dockerfile` has `other.Dockerfile.lock`. */
export function lockPath({ path }: DockerfileText, named: string | undefined): string {
  if (named !== undefined) return named;
  if (path === undefined) {
    throw new LapidaryError('USAGE', 'a Dockerfile that is no file has no lock file beside it', {
      hint: 'name one with --lock-file',
    });
  }
  const name = basename(path);
  return join(dirname(path), name.toLowerCase() === 'dockerfile' ? 'lapidary.lock' : `${name}.lock`);
}

/** @throws LapidaryError LOCK_INVALID naming the place in the file */
export function parseLock(text: string, path: string): Lock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause);
  }
  const version = safeParse(object({ version: unknown() }), value);
  if (version.success && version.output.version !== VERSION) {
    throw invalid(path, `it has the version ${quoted(String(version.output.version))}, not ${VERSION}`);
  }
  const read = safeParse(schema, value);
  if (read.success) {
    const { version: _, ...lock } = read.output;
    return lock;
  }
  const [issue] = read.issues;
  const at = issue.path?.map(({ key }) => String(key)).join(' → ') ?? '';
  throw invalid(path, at === '' ? issue.message : `${quoted(at)}: ${issue.message}`);
}

function invalid(path: string, reason: string, cause?: unknown): LapidaryError {
  return new LapidaryError('LOCK_INVALID', `${quoted(path)} is no lock file that can be read: ${reason}`, {
    hint: 'remove it and write it again with `lapidary lock`; a conflict in it is solved the same way',
    cause,
  });
}

/** The same lock gives the same bytes: names are sorted, parts without any are left out, one fact a line. */
export function formatLock(lock: Lock): string {
  const parts = {
    version: VERSION,
    platforms: lock.platforms.toSorted(),
    images: sorted(lock.images, sortedImage),
    layouts: sorted(lock.layouts, sortedImage),
    files: sorted(lock.files),
    git: sorted(lock.git),
  };
  return `${JSON.stringify(parts, null, 2)}\n`;
}

function sortedImage({ digest: root, platforms = {}, ids = {} }: LockedImage): LockedImage {
  return { digest: root, platforms: sorted(platforms), ids: sorted(ids) };
}

function sorted<T>(
  values: Readonly<Record<string, T>>,
  each: (value: T) => T = (value) => value,
): Record<string, T> | undefined {
  const entries = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([name, value]) => [name, each(value)]));
}
