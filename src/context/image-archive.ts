import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { decompressAny } from '../host/index.ts';
import type { BlobStore } from '../solve/index.ts';
import { ArchiveFiles } from './archive-files.ts';
import type { ImageFiles } from './image-archive-files.ts';
import type { ImportedImage, ImportOptions } from './image-archive-types.ts';
import { importLayout } from './oci-layout.ts';
import { LayoutDirectory } from './oci-layout-directory.ts';
import type { LayoutPick } from './oci-layout-pick.ts';

const READ_SIZE = 1024 * 1024;
const LAYOUT_SCHEME = 'oci-layout://';

/** Where images are read from: an archive (OCI or Docker, possibly compressed), or an OCI layout directory. */
export type ImageArchive =
  | { readonly kind: 'directory'; readonly name: string; readonly pick: LayoutPick }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'stream'; readonly name: string; readonly stream: AsyncIterable<Uint8Array> };

/**
 * Says what an input is: a stream is an archive; `oci-layout://dir[:tag|@digest]` is one image of a layout (the only
 * one, or `latest`, when it does not say which); any other text is the path of an archive or of a layout directory.
 * @throws LapidaryError CONTEXT_UNREADABLE when there is nothing at the path
 */
export async function openImageArchive(input: string | AsyncIterable<Uint8Array>): Promise<ImageArchive> {
  if (typeof input !== 'string') return { kind: 'stream', name: 'standard input', stream: input };
  const layout = input.startsWith(LAYOUT_SCHEME) ? parseLayout(input) : undefined;
  const name = layout?.name ?? input;
  const found = await stat(name).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (found.isDirectory()) return layout ?? { kind: 'directory', name, pick: { by: 'all' } };
  if (layout === undefined) return { kind: 'file', name };
  throw new LapidaryError('CONTEXT_UNREADABLE', `${quoted(name)} is not the directory of an OCI layout`, {
    hint: 'unpack the archive, or give its path without oci-layout://',
  });
}

function parseLayout(input: string): Extract<ImageArchive, { kind: 'directory' }> {
  const text = input.slice(LAYOUT_SCHEME.length);
  const [, path = '', digest] = /^(.*)@(sha256:[0-9a-f]{64})$/s.exec(text) ?? [];
  if (digest !== undefined) return { kind: 'directory', name: path, pick: { by: 'digest', digest } };
  const colon = text.lastIndexOf(':');
  if (colon <= text.lastIndexOf('/')) return { kind: 'directory', name: text, pick: { by: 'default' } };
  const pick: LayoutPick = { by: 'tag', tag: text.slice(colon + 1) };
  return { kind: 'directory', name: text.slice(0, colon), pick };
}

/**
 * Brings the images of an archive into the store: blobs, layers and configurations, all verified. Nothing is tagged;
 * what an import that fails has stored already is found by no name. Order: as in the archive.
 *
 * @throws LapidaryError IMAGE_NOT_FOUND when there is no image (for the platform), or a part of one is missing;
 * DIGEST_MISMATCH, MANIFEST_INVALID, TAR_INVALID, ARCHIVE_UNSUPPORTED naming the file in the archive
 */
export async function importImages(
  archive: ImageArchive,
  options: ImportOptions,
): Promise<readonly ImportedImage[]> {
  const { blobs } = options.ports;
  const { signal } = options;
  const files = await openImageFiles(archive, { blobs, signal });
  if (archive.kind === 'directory') return importLayout({ files, pick: archive.pick, options });
  if (await files.has('index.json')) return importLayout({ files, pick: { by: 'all' }, options });
  if (await files.has('manifest.json')) {
    const { importDockerArchive } = await import('./docker-archive.ts');
    return importDockerArchive(files, options);
  }
  throw new LapidaryError(
    'IMAGE_NOT_FOUND',
    `${quoted(archive.name)} is no image archive: it has neither "index.json" nor "manifest.json"`,
    { hint: 'expected what `docker save`, `type=oci` or `skopeo copy` write' },
  );
}

/** The files of an archive, or of a layout directory. An archive is read as a whole, its blobs go to the blob store. */
export async function openImageFiles(
  archive: ImageArchive,
  { blobs, signal }: { readonly blobs: BlobStore; readonly signal: AbortSignal | undefined },
): Promise<ImageFiles> {
  if (archive.kind === 'directory') return new LayoutDirectory(archive.name, blobs, signal);
  const source = decompressAny(openBytes(archive), archive.name);
  return ArchiveFiles.load(source, { name: archive.name, blobs, signal });
}

async function* openBytes(
  archive: Extract<ImageArchive, { kind: 'file' | 'stream' }>,
): AsyncGenerator<Uint8Array> {
  if (archive.kind === 'stream') yield* archive.stream;
  else yield* fileBytes(archive.name);
}

async function* fileBytes(name: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(name, { highWaterMark: READ_SIZE })) yield chunk as Uint8Array;
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const missing = 'code' in error && error.code === 'ENOENT';
  return new LapidaryError(
    'CONTEXT_UNREADABLE',
    missing ? `there is no ${quoted(name)}` : `${quoted(name)} cannot be read: ${messageOf(error)}`,
    { cause: error },
  );
}
