import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { oneOf } from '../one-of.ts';

export const slimCommand: CommandSpec = {
  name: 'slim',
  summary: 'Make an image of nothing but what another one needs to be started',
  args: 'IMAGE [PATH...]',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    {
      flags: '-t, --tag NAME',
      help: 'Name of the new image (default: the name of the image, with -slim behind its tag)',
    },
    { flags: '--top N', help: 'Lines of each list, 0 for all (default: 10)' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several (default: all)' },
    { flags: '-q, --quiet', help: 'Print only image IDs' },
    { flags: '--format FORMAT', help: 'json prints a JSON object; text is the default' },
    { flags: '--json', help: 'The same as --format json' },
  ],
  examples: [
    {
      text: 'A program that a build has left on a whole distribution',
      command: 'lapidary slim -t app:slim app:1.0',
    },
    {
      text: 'With files that no header names',
      command: 'lapidary slim app:1.0 /app/public "/usr/share/zoneinfo/**"',
    },
    {
      text: 'What a script starts',
      command: 'lapidary slim web /docker-entrypoint.sh /bin/sed /usr/sbin/nginx',
    },
  ],
  details: [
    'Kept are the programs of ENTRYPOINT, CMD and HEALTHCHECK with their loaders, libraries and interpreters, the links on the way, files that their command lines name, the given paths with all that these need, accounts, what the C library opens by itself, certificates for programs with a TLS library, the zone of TZ, and empty directories such as /tmp. Nothing is run. The configuration stays, the layers become one.',
    'A script, a line of a shell that is more than a plain command, and an interpreter such as python3 start and load what no header tells: they are refused unless paths are given. Plug-ins and data are not seen either: what was left out is listed, and `run` or `build --test` tells whether something is missing.',
  ],
  run: runSlim,
};

async function runSlim(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNumber, readPlatform }, { exclusive }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../read-input.ts'),
    import('../table.ts'),
  ]);
  const [image = '', ...paths] = args;
  exclusive({ '--quiet': flags.on('quiet'), '--json': flags.on('json'), '--format': flags.on('format') });
  const asJson =
    flags.on('json') || oneOf('--format', flags.text('format') ?? 'text', ['text', 'json']) === 'json';
  const top = readNumber(flags.text('top') ?? '10', { name: '--top', least: 0, greatest: 1_000_000 });
  const request = { image, paths, tag: flags.text('tag'), ...readPlatform(flags.text('platform')) };
  const options = { quiet: flags.on('quiet') || io.stderr.isTTY !== true, insecure: false };
  const slimmed = await withTools(call, options, (tools) => tools.slim(request));
  if (flags.on('quiet')) {
    io.stdout.write(slimmed.images.map(({ id }) => `${id}\n`).join(''));
    return EXIT.ok;
  }
  const [{ slimJson, slimText }, { columnsOf }] = await Promise.all([
    import('../slim-output.ts'),
    import('../size-output.ts'),
  ]);
  io.stdout.write(asJson ? slimJson(slimmed) : slimText(slimmed, { top, columns: columnsOf(io.stdout) }));
  return EXIT.ok;
}
