import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';
import { oneOf } from '../one-of.ts';

export const diffCommand: CommandSpec = {
  name: 'diff',
  summary: 'Tell what is not the same in two images',
  args: 'BEFORE AFTER',
  arity: [2, 2],
  options: [
    { flags: '--all', help: 'Name every path of a directory that was added or removed as a whole' },
    { flags: '--exit-code', help: 'Exit with 1 when there are differences' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from images of several' },
    { flags: '--format FORMAT', help: 'json prints a JSON object with every path; text is the default' },
    { flags: '--json', help: 'The same as --format json' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'What a change of the Dockerfile came to', command: 'lapidary diff app:1.0 app:1.1' },
    { text: 'What is not released yet', command: 'lapidary diff docker://ghcr.io/me/app:1.0 app' },
    { text: 'In a script', command: 'lapidary diff --exit-code app:1 app:2 || echo "they differ"' },
  ],
  details: [
    'BEFORE and AFTER are names of the local store, or places as in cp. Layers that are not in the store are fetched.',
    'Compared are the configurations and the files that a container sees: contents, types, modes, owners, targets of links, extended attributes. Times and the way files are spread over layers are not. `+` was added, `-` was removed, `~` was changed.',
  ],
  run: runDiff,
};

async function runDiff(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readPlatform }, { readPlace }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../read-input.ts'),
    import('../image-place.ts'),
  ]);
  const [before = '', after = ''] = args;
  const asJson =
    flags.on('json') || oneOf('--format', flags.text('format') ?? 'text', ['text', 'json']) === 'json';
  const { platform } = readPlatform(flags.text('platform'));
  const places = [await readPlace(before, io.cwd), await readPlace(after, io.cwd)] as const;
  const options = { quiet: io.stderr.isTTY !== true, ...readNetwork(flags) };
  const diff = await withTools(call, options, (tools) => tools.diff(...places, platform));
  const { diffJson, diffText } = await import('../diff-output.ts');
  const { columnsOf } = await import('../size-output.ts');
  const names = { before, after };
  const text = { all: flags.on('all'), columns: columnsOf(io.stdout) };
  io.stdout.write(asJson ? diffJson(names, diff) : diffText(names, diff, text));
  const same = diff.config.length + diff.files.length === 0;
  return flags.on('exit-code') && !same ? EXIT.failed : EXIT.ok;
}
