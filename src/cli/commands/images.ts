import type { InspectedImage, Lapidary } from '../../build/index.ts';
import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const imagesCommand: CommandSpec = {
  name: 'images',
  summary: 'List the images of the local store',
  args: '[NAME]',
  arity: [0, 1],
  options: [
    { flags: '--format FORMAT', help: 'Go template for each image; `table TEMPLATE` or `json`' },
    { flags: '-q, --quiet', help: 'Print only image IDs' },
    { flags: '--no-trunc', help: 'Do not shorten image IDs' },
    { flags: '--json', help: 'Print one JSON array' },
  ],
  examples: [
    { text: 'All images', command: 'lapidary images' },
    { text: 'Names and sizes', command: "lapidary images --format '{{.Repository}}:{{.Tag}} {{.Size}}'" },
    { text: 'The IDs of one repository', command: 'lapidary images -q app' },
  ],
  details: [
    'Fields of templates: .Repository .Tag .ID .Digest .CreatedSince .CreatedAt .Size .Platform. NAME is a repository, or a repository with a tag. An image of several platforms has a line for each.',
  ],
  run: runImages,
};

type Listed = { readonly reference: string; readonly taggedAt: string; readonly found: InspectedImage };

async function runImages(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withLapidary }, { exclusive }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../table.ts'),
  ]);
  exclusive({ '--json': flags.on('json'), '--format': flags.on('format'), '--quiet': flags.on('quiet') });
  const listed = await withLapidary(call, (lapidary) => listImages(lapidary, args[0]));
  io.stdout.write(await render(listed, call));
  return EXIT.ok;
}

/** Youngest first, as docker does; those of one time by name. A line for each platform. */
async function listImages(lapidary: Lapidary, name: string | undefined): Promise<Listed[]> {
  const { splitTag } = await import('../image-facts.ts');
  const { familiarName, parseReference } = await import('../../oci/index.ts');
  const wanted = name === undefined ? undefined : familiarName(parseReference(name));
  const listed: Listed[] = [];
  for (const { reference, taggedAt, images } of await lapidary.images()) {
    const { repository, tag } = splitTag(reference);
    if (wanted !== undefined && wanted !== repository && wanted !== `${repository}:${tag}`) continue;
    for (const { platform } of images)
      listed.push({ reference, taggedAt, found: await lapidary.inspect(reference, platform) });
  }
  const age = ({ found }: Listed): number => Date.parse(found.config.created ?? '') || 0;
  return listed.sort((a, b) => age(b) - age(a) || (a.reference < b.reference ? -1 : 1));
}

async function render(listed: readonly Listed[], { flags, io }: Invocation): Promise<string> {
  const [
    { displayId, imageSize, splitTag },
    { formatRows },
    times,
    { formatSize },
    { formatPlatform, hostPlatform },
  ] = await Promise.all([
    import('../image-facts.ts'),
    import('../table.ts'),
    import('../human-time.ts'),
    import('../../progress/index.ts'),
    import('../../oci/index.ts'),
  ]);
  const full = flags.on('no-trunc');
  if (flags.on('quiet'))
    return listed.map(({ found }) => `${displayId(found.image.id, { full })}\n`).join('');
  if (flags.on('json')) return jsonList(listed);
  const rows = listed.map(({ reference, found }) => {
    const { repository, tag } = splitTag(reference);
    return {
      Repository: repository,
      Tag: tag,
      ID: displayId(found.image.id, { full }),
      Digest: '<none>',
      CreatedSince: times.timeAgo(found.config.created, io.now()),
      CreatedAt: times.formatTime(found.config.created),
      Size: formatSize(imageSize(found)),
      Platform: formatPlatform(found.image.platform),
    };
  });
  // Where there is nothing but this machine's own there is nothing to tell apart
  const own = formatPlatform(hostPlatform(process.arch, 'linux'));
  const table = rows.some(({ Platform }) => Platform !== own) ? { ...TABLE, columns: WIDE_COLUMNS } : TABLE;
  return formatRows(rows, table, flags.text('format'));
}

const TABLE = {
  headings: {
    Repository: 'REPOSITORY',
    Tag: 'TAG',
    ID: 'IMAGE ID',
    Digest: 'DIGEST',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    Size: 'SIZE',
    Platform: 'PLATFORM',
  },
  columns: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'],
} as const;
const WIDE_COLUMNS = ['Repository', 'Tag', 'ID', 'Platform', 'CreatedSince', 'Size'] as const;

/** Sizes in bytes and times as stored, for programs. */
async function jsonList(listed: readonly Listed[]): Promise<string> {
  const [{ imageSize, splitTag }, { formatPlatform }, { formatJson }] = await Promise.all([
    import('../image-facts.ts'),
    import('../../oci/index.ts'),
    import('../json.ts'),
  ]);
  const documents = listed.map(({ reference, taggedAt, found }) => {
    const { repository, tag } = splitTag(reference);
    return {
      Repository: repository,
      Tag: tag,
      Id: found.image.id,
      Created: found.config.created ?? null,
      TaggedAt: taggedAt,
      Size: imageSize(found),
      Platform: formatPlatform(found.image.platform),
    };
  });
  return formatJson(documents);
}
