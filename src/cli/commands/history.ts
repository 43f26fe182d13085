import type { InspectedImage } from '../../build/index.ts';
import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const historyCommand: CommandSpec = {
  name: 'history',
  summary: 'Show how an image was made, the last instruction first',
  args: 'IMAGE',
  arity: [1, 1],
  options: [
    { flags: '--format FORMAT', help: 'Go template for each entry; `table TEMPLATE` or `json`' },
    { flags: '--no-trunc', help: 'Do not shorten instructions and image IDs' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several' },
    { flags: '--json', help: 'Print one JSON array' },
  ],
  examples: [
    { text: 'Instructions and their sizes', command: 'lapidary history app:1.0' },
    {
      text: 'Whole instructions',
      command: "lapidary history --no-trunc --format '{{.Size}}\\t{{.CreatedBy}}' app:1.0",
    },
  ],
  details: ['Fields of templates: .ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment.'],
  run: runHistory,
};

const CREATED_BY_WIDTH = 45;

type Layer = InspectedImage['image']['layers'][number];
type Entry = {
  readonly id: string;
  readonly created: string | undefined;
  readonly createdBy: string;
  readonly size: number;
  readonly comment: string;
};

async function runHistory(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withLapidary }, { exclusive, formatRows }, { timeAgo, formatTime }, { formatSize }] =
    await Promise.all([
      import('../open-lapidary.ts'),
      import('../table.ts'),
      import('../human-time.ts'),
      import('../../progress/index.ts'),
    ]);
  exclusive({ '--json': flags.on('json'), '--format': flags.on('format') });
  const full = flags.on('no-trunc');
  const [{ layerSize }, { readPlatform }] = await Promise.all([
    import('../../build/index.ts'),
    import('../read-input.ts'),
  ]);
  const { platform } = readPlatform(flags.text('platform'));
  const found = await withLapidary(call, (lapidary) => lapidary.inspect(args[0] ?? '', platform));
  const entries = historyEntries(found, layerSize);
  if (flags.on('json')) {
    const { formatJson } = await import('../json.ts');
    io.stdout.write(formatJson(entries.map(jsonEntry)));
    return EXIT.ok;
  }
  const rows = entries.map((entry) => ({
    ID: full || entry.id === MISSING ? entry.id : entry.id.slice('sha256:'.length, 'sha256:'.length + 12),
    CreatedSince: timeAgo(entry.created, io.now()),
    CreatedAt: formatTime(entry.created),
    CreatedBy: full ? entry.createdBy : shorten(entry.createdBy),
    Size: formatSize(entry.size),
    Comment: entry.comment,
  }));
  io.stdout.write(formatRows(rows, TABLE, flags.text('format')));
  return EXIT.ok;
}

const MISSING = '<missing>';
const TABLE = {
  headings: {
    ID: 'IMAGE',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    CreatedBy: 'CREATED BY',
    Size: 'SIZE',
    Comment: 'COMMENT',
  },
  columns: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
} as const;

/** Entries, the last first. Each that is not empty has the size of the next layer; only the last has the image's ID. */
function historyEntries({ image, config }: InspectedImage, layerSize: (layer: Layer) => number): Entry[] {
  const sizeOf = (layer: Layer | undefined): number => (layer ? layerSize(layer) : 0);
  const layers = image.layers.values();
  const history = config.history ?? [];
  const entries = history.map((entry, i) => ({
    id: i === history.length - 1 ? image.id : MISSING,
    created: entry.created,
    createdBy: entry.created_by ?? '',
    size: entry.empty_layer === true ? 0 : sizeOf(layers.next().value),
    comment: entry.comment ?? '',
  }));
  return entries.reverse();
}

function jsonEntry({ id, created, createdBy, size, comment }: Entry): object {
  return { Id: id, Created: created ?? null, CreatedBy: createdBy, Size: size, Comment: comment };
}

/** One line: white space of any kind would break the table. */
function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > CREATED_BY_WIDTH ? `${line.slice(0, CREATED_BY_WIDTH - 1)}…` : line;
}
