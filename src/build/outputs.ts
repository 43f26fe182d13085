import { LapidaryError } from '../errors/index.ts';
import { compressionLevel, formatReference, parseReference, withDefaultTag } from '../oci/index.ts';
import type { BuildEvent, StoredImage } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';
import type { OutputSpec } from './types.ts';

/** A name to tag an image with: complete, and never by digest. @throws LapidaryError REFERENCE_INVALID */
export function normaliseTag(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest !== undefined) {
    throw new LapidaryError(
      'REFERENCE_INVALID',
      `an image cannot be tagged with a digest: ${JSON.stringify(text)}`,
      {
        hint: 'leave out @sha256:…',
      },
    );
  }
  return formatReference(reference);
}

/** Finds before a build what would end it after. @throws LapidaryError USAGE */
export function checkOutputs(outputs: readonly OutputSpec[]): void {
  for (const output of outputs) {
    if ('tar' in output) compressionLevel(output.compression ?? 'gzip', output.compressionLevel);
  }
}

export type OutputJob = {
  readonly images: readonly StoredImage[];
  readonly references: readonly string[];
  readonly outputs: readonly OutputSpec[];
};
export type OutputContext = {
  readonly store: LocalStore;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WritableStream | undefined;
};

/** Writes one output after the other; each is there as a whole or not at all. Returns the bytes written. */
export async function writeOutputs(
  job: OutputJob,
  { store, emit, signal, stdout }: OutputContext,
): Promise<number> {
  if (job.outputs.length === 0) return 0;
  const { writeImage } = await import('../export/index.ts');
  let total = 0;
  for (const output of job.outputs) {
    const name = `${output.type} ${output.dest === '-' ? 'standard output' : output.dest}`;
    const began = performance.now();
    emit({ type: 'export-start', output: name });
    const { images, references } = job;
    const request = { images, references, output, signal, ...(stdout === undefined ? {} : { stdout }) };
    const { size, warnings } = await writeImage(request, store);
    for (const message of warnings) emit({ type: 'warning', message });
    emit({ type: 'export-end', output: name, size, ms: Math.round(performance.now() - began) });
    total += size;
  }
  return total;
}
