import { LapidaryError, quoted } from '../errors/index.ts';
import type { ImageOutput } from '../export/index.ts';
import {
  compressionLevel,
  type Descriptor,
  formatReference,
  type OutputCompression,
  type Platform,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import { fetchForOutput } from './prepare-output.ts';
import type { RemoteAccess } from './remote-access.ts';
import type { OutputSpec, RegistryOutput } from './types.ts';

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

/** Finds before a build what would end it after. @throws LapidaryError USAGE, REFERENCE_INVALID */
export function checkOutputs(outputs: readonly OutputSpec[], tags: readonly string[]): void {
  for (const output of outputs) {
    if ('tar' in output || output.type === 'registry') {
      const { compression = 'gzip', ociMediaTypes = true } = output;
      compressionLevel(compression, output.compressionLevel);
      if (!ociMediaTypes) checkDockerTypes(compression);
    }
    if (output.type === 'registry') pushReferences(output, tags);
  }
}

/** @throws LapidaryError USAGE */
function checkDockerTypes(compression: OutputCompression): void {
  if (compression === 'gzip' || compression === 'uncompressed') return;
  throw new LapidaryError(
    'USAGE',
    `Docker's media types know no layers that are compressed with ${compression}`,
    {
      hint: 'use gzip, or leave out oci-mediatypes=false',
    },
  );
}

/** Where an output is pushed to. @throws LapidaryError USAGE, REFERENCE_INVALID */
export function pushReferences(
  { names, byDigest = false }: RegistryOutput,
  tags: readonly string[],
): Reference[] {
  const all = names.length > 0 ? names : tags;
  if (all.length === 0) {
    throw new LapidaryError('USAGE', 'there is no name to push to', {
      hint: 'add -t NAME, or name= to the output',
    });
  }
  return all.map((name) => {
    if (!byDigest) return parseReference(normaliseTag(name));
    const { registry, repository, tag } = parseReference(name);
    // The tag of an image that is also kept here is no wish to push it
    if (tag === undefined || names.length === 0) return { registry, repository };
    throw new LapidaryError('USAGE', `what is pushed by digest has no tag: ${quoted(name)}`, {
      hint: `write ${quoted(name.slice(0, -tag.length - 1))}`,
    });
  });
}

/**
 * Finds out before a build for several platforms what cannot hold them.
 * @throws LapidaryError UNSUPPORTED
 */
export function checkPlatforms(outputs: readonly OutputSpec[], platforms: readonly Platform[]): void {
  if (platforms.length === 1 || !outputs.some(({ type }) => type === 'docker')) return;
  throw new LapidaryError('UNSUPPORTED', 'a Docker archive holds one platform only', {
    hint: 'use type=oci, or build for one platform: --platform linux/amd64',
  });
}

export type OutputJob = {
  readonly images: readonly StoredImage[];
  readonly references: readonly string[];
  readonly outputs: readonly OutputSpec[];
};
export type OutputContext = {
  readonly remote: RemoteAccess;
  readonly stdout: NodeJS.WritableStream | undefined;
};
export type Written = {
  readonly size: number;
  readonly descriptor?: Descriptor | undefined;
  /** References. */
  readonly pushed: readonly string[];
};

/** Writes one output after the other; each is there as a whole or not at all. Adds up the bytes written. */
export async function writeOutputs(job: OutputJob, context: OutputContext): Promise<Written> {
  const { emit } = context.remote;
  let sum: Written = { size: 0, pushed: [] };
  for (const output of job.outputs) {
    if (output.type === 'image') continue;
    const began = performance.now();
    const name = outputName(output);
    emit({ type: 'export-start', output: name });
    const one =
      output.type === 'registry' ? await push(job, output, context) : await write(job, output, context);
    emit({ type: 'export-end', output: name, size: one.size, ms: Math.round(performance.now() - began) });
    const { size, descriptor, pushed } = one;
    sum = {
      size: sum.size + size,
      descriptor: descriptor ?? sum.descriptor,
      pushed: [...sum.pushed, ...pushed],
    };
  }
  return sum;
}

function outputName(output: ImageOutput | RegistryOutput): string {
  if (output.type === 'registry') return 'registry';
  return `${output.type} ${output.dest === '-' ? 'standard output' : output.dest}`;
}

async function write(
  job: OutputJob,
  output: ImageOutput,
  { remote, stdout }: OutputContext,
): Promise<Written> {
  const { store, emit, signal, fetcher } = remote;
  const { writeImage } = await import('../export/index.ts');
  const images = await fetchForOutput(job.images, output, fetcher);
  const request = { images, references: job.references, output, signal, ...(stdout && { stdout }) };
  const { size, warnings, descriptor } = await writeImage(request, store);
  for (const message of warnings) emit({ type: 'warning', message });
  return { size, descriptor, pushed: [] };
}

async function push(job: OutputJob, output: RegistryOutput, { remote }: OutputContext): Promise<Written> {
  const { pushImages } = await import('./push-image.ts');
  const references = pushReferences(output, job.references);
  const { size, descriptor } = await pushImages({ ...output, images: job.images, references }, remote);
  const { byDigest = false, canonical = false } = output;
  const pushed = references.flatMap(({ registry, repository, tag }) => [
    ...(tag === undefined ? [] : [formatReference({ registry, repository, tag })]),
    ...(byDigest || canonical ? [formatReference({ registry, repository, digest: descriptor.digest })] : []),
  ]);
  return { size, descriptor, pushed };
}
