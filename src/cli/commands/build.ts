import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BuildResult } from '../../build/index.ts';
import { EXIT, LapidaryError, messageOf, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import type { Io } from '../io.ts';
import { BUILD_OPTIONS } from './build-options.ts';

export const buildCommand: CommandSpec = {
  name: 'build',
  summary: 'Build an image from a Dockerfile, or from a Crystal project that has none',
  args: '[PATH]',
  arity: [0, 1],
  options: BUILD_OPTIONS,
  examples: [
    {
      text: 'A Crystal project without a Dockerfile, for three machines',
      command: 'lapidary build -t app --platform linux/amd64,linux/arm64,linux/arm/v7',
    },
    { text: 'Build the current directory and name the image', command: 'lapidary build -t app:1.0 .' },
    {
      text: 'Write an OCI archive, with times that do not change',
      command: 'lapidary build --source-date-epoch 0 -o type=oci,dest=app.tar .',
    },
    { text: 'Only the files of the stage `bin`', command: 'lapidary build --target bin -o ./out .' },
    {
      text: 'What looks wrong in the Dockerfile, and what of it can be repaired',
      command: 'lapidary build --check --fix .',
    },
    { text: 'Into a Docker engine', command: 'lapidary build -t app -o type=docker,dest=- . | docker load' },
  ],
  details: [
    'PATH is the build context (default: the current directory). A project with a shard.yml and without a Dockerfile is built by a recipe: `lapidary init` writes its Dockerfile. What the flags for such projects say can stand in a lapidary.yml, by their names.',
    'Progress goes to standard error. Base images are looked for among the named build contexts, then in the local store, then in their registry. A layer of a base image is fetched when a step reads it, and not before.',
  ],
  run: buildOrCall,
};

async function buildOrCall(call: Invocation): Promise<number> {
  const { flags } = call;
  if (flags.text('call') === undefined && !flags.on('check') && !flags.on('fix')) return runBuild(call);
  const { readCall, runCall } = await import('./build-call.ts');
  const wanted = readCall(flags);
  return wanted.method === 'build' ? runBuild(call) : runCall(call, wanted);
}

async function runBuild(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ readBuildRequest }, { buildSurroundings }, { readProgressMode, withProgress }, { registries }] =
    await Promise.all([
      import('./build-request.ts'),
      import('./build-surroundings.ts'),
      import('../progress.ts'),
      import('../machine-paths.ts'),
    ]);
  const quiet = flags.on('quiet');
  const mode = quiet ? 'quiet' : readProgressMode(flags.text('progress'));
  const [iidFile, metadataFile] = [flags.text('iidfile'), flags.text('metadata-file')];
  const wantsDigest = quiet || iidFile !== undefined || metadataFile !== undefined;
  const request = { ...(await readBuildRequest(call)), wantsDigest };
  const surroundings = await buildSurroundings(call, request);
  // The ID of an earlier build must not be taken for this one's
  if (iidFile !== undefined) await onFile(iidFile, (path) => rm(path, { force: true }), io);
  const { build } = await import('../../build/index.ts');
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
  else if (mode !== 'quiet' && mode !== 'rawjson') io.stderr.write(await summary(result));
  return EXIT.ok;
}

async function summary({ images, descriptor, steps }: BuildResult): Promise<string> {
  const [{ formatSize }, { formatPlatform }] = await Promise.all([
    import('../../progress/index.ts'),
    import('../../oci/index.ts'),
  ]);
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
