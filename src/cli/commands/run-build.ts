import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type BuildResult, build } from '../../build/index.ts';
import { EXIT, LapidaryError, messageOf, quoted } from '../../errors/index.ts';
import { formatPlatform } from '../../oci/index.ts';
import { formatSize } from '../../progress/index.ts';
import type { Invocation } from '../command.ts';
import type { Io } from '../io.ts';
import { registries } from '../machine-paths.ts';
import { readProgressMode, withProgress } from '../progress.ts';
import { readBuildRequest } from './build-request.ts';
import { buildSurroundings } from './build-surroundings.ts';

/** `lapidary build` as far as it is not its flags. @returns the exit code */
export async function buildOrCall(call: Invocation): Promise<number> {
  const { flags } = call;
  if (flags.text('call') === undefined && !flags.on('check') && !flags.on('fix')) return runBuild(call);
  const { readCall, runCall } = await import('./build-call.ts');
  const wanted = readCall(flags);
  return wanted.method === 'build' ? runBuild(call) : runCall(call, wanted);
}

async function runBuild(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const quiet = flags.on('quiet');
  const mode = quiet ? 'quiet' : readProgressMode(flags.text('progress'));
  const [iidFile, metadataFile] = [flags.text('iidfile'), flags.text('metadata-file')];
  const wantsDigest = quiet || iidFile !== undefined || metadataFile !== undefined;
  const request = { ...(await readBuildRequest(call)), wantsDigest };
  const surroundings = await buildSurroundings(call, request);
  // The ID of an earlier build must not be taken for this one's
  if (iidFile !== undefined) await onFile(iidFile, (path) => rm(path, { force: true }), io);
  const result = await withProgress(mode, io, (onEvent) =>
    build(request, {
      onEvent,
      stdout: io.stdout,
      ...surroundings,
      ...registries(call),
    }),
  );
  if (iidFile !== undefined) await onFile(iidFile, (path) => writeFile(path, idOf(result)), io);
  if (metadataFile !== undefined) await onFile(metadataFile, (path) => writeFile(path, metadata(result)), io);
  if (quiet) io.stdout.write(`${idOf(result)}\n`);
  else if (mode !== 'quiet' && mode !== 'rawjson') io.stderr.write(summary(result));
  return EXIT.ok;
}

function summary({ images, descriptor, steps }: BuildResult): string {
  const work = `${steps.runs} executed, ${steps.hits} cached`;
  const [only, another] = images;
  if (only !== undefined && another === undefined) return `${only.id} (${formatSize(only.size)}, ${work})\n`;
  const lines = images.map(
    ({ id, platform, size }) => `${id} ${formatPlatform(platform)} (${formatSize(size)})`,
  );
  const index = descriptor === undefined ? [] : [`${descriptor.digest} index`];
  return `${[...lines, ...index].join('\n')}\n${images.length} platforms, ${work}\n`;
}

/** The image ID, or the digest of the index over several platforms: as docker buildx has it. */
function idOf({ images, descriptor }: BuildResult): string {
  const [only, another] = images;
  return (another === undefined ? only?.id : descriptor?.digest) ?? '';
}

/** Keys as docker buildx has them. */
function metadata({ images, tags, pushed, descriptor }: BuildResult): string {
  const names = [...new Set([...pushed, ...tags])];
  const [only, another] = images;
  const document = {
    ...(only && another === undefined && { 'containerimage.config.digest': only.id }),
    ...(descriptor && {
      'containerimage.digest': descriptor.digest,
      'containerimage.descriptor': descriptor,
    }),
    ...(names.length > 0 && { 'image.name': names.join(',') }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

async function onFile(file: string, work: (path: string) => Promise<void>, { cwd }: Io): Promise<void> {
  try {
    await work(resolve(cwd, file));
  } catch (cause) {
    throw new LapidaryError('EXPORT_FAILED', `${quoted(file)} cannot be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}
