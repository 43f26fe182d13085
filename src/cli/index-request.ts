import type { CreateIndexRequest, IndexSource } from '../build/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { type Digest, isDigest, type Platform, parseDescriptor, parsePlatform } from '../oci/index.ts';
import type { Invocation } from './command.ts';
import { readIndexAnnotations } from './index-annotations.ts';
import { readBoolean, readFlagFile } from './read-input.ts';

/**
 * What `manifest create` is asked for. Files of descriptors are read.
 * @throws LapidaryError USAGE, REFERENCE_INVALID, MANIFEST_INVALID, PLATFORM_INVALID
 */
export async function readCreateIndex({
  flags,
  args,
  io,
}: Invocation): Promise<CreateIndexRequest & { readonly dryRun: boolean }> {
  const { parseImagePlace } = await import('../build/index.ts');
  const dryRun = flags.on('dry-run');
  const tags = flags.list('tag');
  if (tags.length === 0 && !dryRun) {
    throw new LapidaryError('USAGE', 'nothing says where the index is written', {
      hint: 'add -t NAME, or --dry-run',
    });
  }
  const described: IndexSource[] = [];
  for (const path of flags.list('file')) {
    described.push(descriptorSource(await readFlagFile(io, { flag: '--file', path }), path));
  }
  const named = args.map(
    (text): IndexSource => (isDigest(text) ? { digest: text } : { place: parseImagePlace(text, io.cwd) }),
  );
  return {
    targets: tags.map((text) => parseImagePlace(text, io.cwd)),
    sources: [...named, ...described],
    append: flags.on('append'),
    platforms: flags.list('platform').flatMap(readPlatforms),
    annotations: readIndexAnnotations(flags.list('annotation')),
    preferIndex: readBoolean('--prefer-index', flags.text('prefer-index') ?? 'true'),
    dryRun,
  };
}

function readPlatforms(text: string): Platform[] {
  return text.split(',').map(parsePlatform);
}

/** A descriptor, alone or as `build --metadata-file` has written it; or a digest. */
function descriptorSource(text: string, path: string): IndexSource {
  const trimmed = text.trim();
  if (isDigest(trimmed)) return { digest: trimmed };
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (cause) {
    throw new LapidaryError('USAGE', `${quoted(path)} holds no JSON`, {
      hint: 'expected a descriptor: {"digest": "sha256:…", …}',
      cause,
    });
  }
  const inMetadata = (Object(value) as { readonly 'containerimage.descriptor'?: unknown })[
    'containerimage.descriptor'
  ];
  const { digest, platform, annotations } = parseDescriptor(inMetadata ?? value);
  const facts = { ...(platform && { platform }), ...(annotations && { annotations }) };
  return { digest: digest satisfies Digest, ...(Object.keys(facts).length > 0 && { facts }) };
}
