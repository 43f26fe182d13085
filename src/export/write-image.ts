import { LapidaryError } from '../errors/index.ts';
import { inTurns } from '../solve/index.ts';
import type { Entry } from '../tree/index.ts';
import { localLayer } from './layer-tar.ts';
import { mergedEntries } from './merged-entries.ts';
import { openOutput } from './output.ts';
import { packLayer } from './pack-layer.ts';
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
  const entries = await rootFilesystem(request, ports);
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
  return writeLocal(output.dest, await rootFilesystem(request, ports), { reader: ports.layers, signal });
}

/** The merged layers of the only image. */
async function rootFilesystem(
  { images, output }: WriteImageRequest,
  { layers }: ExportPorts,
): Promise<readonly Entry[]> {
  const [image, ...more] = images;
  if (image === undefined || more.length > 0) {
    throw new LapidaryError('UNSUPPORTED', `an output of type ${output.type} holds one platform only`, {
      hint: 'build one platform at a time',
    });
  }
  const read = [];
  for (const layer of image.layers) read.push(await layers.read(localLayer(layer).layer));
  return inTurns(mergedEntries(read));
}
