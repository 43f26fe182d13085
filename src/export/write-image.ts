import { LapidaryError } from '../errors/index.ts';
import { inTurns } from '../solve/index.ts';
import { localLayer } from './layer-tar.ts';
import { mergedEntries } from './merged-entries.ts';
import { openOutput } from './output.ts';
import { packLayer } from './pack-layer.ts';
import { directoryOf, joinRoots, type RootFilesystem } from './platform-roots.ts';
import type { ExportPorts, WriteImageRequest, WriteImageResult } from './types.ts';
import { writing } from './write-error.ts';
import { writeDocker, writeOci } from './write-layout.ts';
import { writeLocal } from './write-local.ts';

/**
 * Writes images to one output. The same images, references and output give the same bytes. Archives appear complete or
 * not at all: on an error or abort nothing stays, and what was at the destination is untouched; so does each blob of a
 * layout directory, whose index is replaced last.
 *
 * @throws LapidaryError EXPORT_FAILED naming the destination; STORE_CORRUPT when the store does not hold what it should;
 * UNSUPPORTED when the output cannot hold the images; `signal.reason` after an abort
 */
export function writeImage(request: WriteImageRequest, ports: ExportPorts): Promise<WriteImageResult> {
  const { output, signal } = request;
  return writing(output.dest, signal, () => {
    if (output.type === 'oci') return writeOci(request, output, ports);
    if (output.type === 'docker') return writeDocker(request, output, ports);
    return output.type === 'tar' ? writeTar(request, ports) : writeDirectory(request, ports);
  });
}

async function writeTar(request: WriteImageRequest, ports: ExportPorts): Promise<WriteImageResult> {
  const entries = await inTurns(joinRoots(await rootFilesystems(request, ports)));
  const { stdout, signal, output } = request;
  await using file = await openOutput({ dest: output.dest, stdout, signal });
  for await (const chunk of packLayer(entries, ports.layers)) {
    signal?.throwIfAborted();
    await file.write(chunk);
  }
  await file.commit();
  return { size: file.size, warnings: [] };
}

async function writeDirectory(request: WriteImageRequest, ports: ExportPorts): Promise<WriteImageResult> {
  const { output, signal } = request;
  if (output.dest === '-') {
    throw new LapidaryError('EXPORT_FAILED', 'a directory cannot be written to "-"', {
      hint: 'use type=tar for a stream',
    });
  }
  const entries = await inTurns(joinRoots(await rootFilesystems(request, ports)));
  return writeLocal(output.dest, entries, { reader: ports.layers, signal });
}

/** The merged layers of each image. */
async function rootFilesystems(
  { images, output }: WriteImageRequest,
  { layers }: ExportPorts,
): Promise<readonly RootFilesystem[]> {
  const asked = 'platformSplit' in output ? output.platformSplit : undefined;
  const platformSplit = asked ?? images.length > 1;
  const roots: RootFilesystem[] = [];
  for (const { layers: stack, platform } of images) {
    const read = [];
    for (const layer of stack) read.push(await layers.read(localLayer(layer).layer));
    roots.push({
      platform,
      entries: await inTurns(mergedEntries(read)),
      ...(platformSplit && { directory: directoryOf(platform) }),
    });
  }
  return roots;
}
