import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';
import { oneOf } from '../one-of.ts';

export const sizeCommand: CommandSpec = {
  name: 'size',
  summary: 'Tell where the bytes of an image are',
  args: 'IMAGE',
  arity: [1, 1],
  options: [
    { flags: '--depth N', help: 'How deep directories are told (default: 2)' },
    { flags: '--top N', help: 'Lines of each list, 0 for all (default: 10)' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several' },
    { flags: '--format FORMAT', help: 'json prints a JSON object with everything; table is the default' },
    { flags: '--json', help: 'The same as --format json' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'The largest of everything', command: 'lapidary size app:1.0' },
    { text: 'Every directory below the root', command: 'lapidary size --depth 1 --top 0 app:1.0' },
    { text: 'The largest package', command: "lapidary size --json app | jq -r '.packages[0].name'" },
  ],
  details: [
    'IMAGE is a name of the local store, or a place as in cp, such as docker://alpine. Layers that are not in the store are fetched.',
    'The size of an image is that of its layers as uncompressed tars, as `images` shows it. Compressed sizes are known of layers that were pulled, pushed or written. Directories, packages and duplicates count the contents of the files that a container sees. Packages are those that dpkg (also as in distroless images) and apk have written down.',
    'Wasted are files of a layer that a later one replaces or deletes. `touched` has the same contents in a later layer, with another mode, owner or time: COPY --chmod and --chown, or the command in the same RUN, would not keep it twice.',
  ],
  run: runSize,
};

async function runSize(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readNumber, readPlatform }, { readPlace }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../read-input.ts'),
    import('../image-place.ts'),
  ]);
  const [name = ''] = args;
  const asJson =
    flags.on('json') || oneOf('--format', flags.text('format') ?? 'table', ['table', 'json']) === 'json';
  const depth = readNumber(flags.text('depth') ?? '2', { name: '--depth', least: 0, greatest: 1000 });
  const top = readNumber(flags.text('top') ?? '10', { name: '--top', least: 0, greatest: 1_000_000 });
  const { platform } = readPlatform(flags.text('platform'));
  const place = await readPlace(name, io.cwd);
  const options = { quiet: io.stderr.isTTY !== true, ...readNetwork(flags) };
  const size = await withTools(call, options, (tools) => tools.size(place, { platform, depth }));
  const { columnsOf, sizeJson, sizeText } = await import('../size-output.ts');
  io.stdout.write(
    asJson ? sizeJson(name, size) : sizeText(name, size, { top, columns: columnsOf(io.stdout) }),
  );
  return EXIT.ok;
}
