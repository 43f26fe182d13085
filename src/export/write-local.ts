import { mkdir, realpath } from 'node:fs/promises';
import { type ContentReader, nextTurn, turnIsOver } from '../solve/index.ts';
import type { Entry } from '../tree/index.ts';
import { readFiles, streamFile } from './content-batch.ts';
import { LocalFolder } from './local-folder.ts';
import { batches, smallFiles } from './pack-members.ts';

export type LocalOptions = {
  readonly reader: ContentReader;
  readonly signal: AbortSignal | undefined;
};

/**
 * Writes a root filesystem into a directory, which is made if it is missing. Files and links that are in the way are
 * replaced; whatever else is there stays. Nothing is written through a symbolic link, and no directory is replaced.
 * Owners are set by root only; devices, pipes and extended attributes never. The warnings say what was left out.
 * The directory's own mode and owner stay as they are. A failure leaves what was written before it.
 *
 * `entries` are those of a merged tree in canonical order: nodes and hard links only.
 * @throws LapidaryError EXPORT_FAILED
 */
export async function writeLocal(
  dest: string,
  entries: readonly Entry[],
  { reader, signal }: LocalOptions,
): Promise<{ readonly size: number; readonly warnings: readonly string[] }> {
  await mkdir(dest, { recursive: true });
  const folder = new LocalFolder(await realpath(dest));
  for (const batch of batches(entries)) {
    const contents = await readFiles(smallFiles(batch), reader);
    for (const entry of batch) {
      if (turnIsOver()) await nextTurn(); // the writes are synchronous: let signals and timers in between
      signal?.throwIfAborted();
      if (entry.kind === 'hardlink') folder.link(entry.path, entry.target);
      if (entry.kind !== 'node') continue;
      const { path, node } = entry;
      if (node.type !== 'file') folder.place(path, node);
      else {
        const bytes = contents.get(node);
        if (bytes) folder.write(path, node, [bytes]);
        else await writeLarge(folder, streamFile({ path, node }, reader), { path, node, signal });
      }
    }
  }
  folder.finish();
  return { size: folder.size, warnings: folder.warnings() };
}

type LargeFile = {
  readonly path: string;
  readonly node: Parameters<LocalFolder['write']>[1];
  readonly signal: AbortSignal | undefined;
};

async function writeLarge(
  folder: LocalFolder,
  content: AsyncIterable<Uint8Array>,
  { path, node, signal }: LargeFile,
): Promise<void> {
  using file = folder.open(path);
  for await (const chunk of content) {
    signal?.throwIfAborted();
    file.write(chunk);
  }
  file.finish(node);
}
