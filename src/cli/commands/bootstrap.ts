import type { BootstrapRequest } from '../../build/index.ts';
import { EXIT, LapidaryError, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { EMULATOR_OPTION } from '../emulator-flags.ts';

export const bootstrapCommand: CommandSpec = {
  name: 'bootstrap',
  summary: "Make a base image from a distribution's package archive",
  args: 'debian:SUITE[-slim]',
  arity: [1, 1],
  options: [
    { flags: '--platform OS/ARCH', help: 'Platform of the image (default: that of this machine)' },
    EMULATOR_OPTION,
    { flags: '--include PACKAGE[,PACKAGE]', help: 'Packages on top of the minimal set', repeat: true },
    { flags: '--tag NAME', help: 'Name of the image (default: the argument)' },
    { flags: '--mirror URL', help: 'Archive to fetch from (default: the one that this machine uses)' },
    {
      flags: '--allow-expired',
      help: 'Accept Release files that have expired, as frozen snapshots have them',
    },
    { flags: '--progress MODE', help: 'auto, plain, tty, quiet or rawjson (default: auto)' },
  ],
  examples: [
    { text: 'A small Debian', command: 'lapidary bootstrap debian:trixie-slim' },
    {
      text: 'The same for a Raspberry Pi',
      command: 'lapidary bootstrap --platform linux/arm64 debian:trixie-slim',
    },
    {
      text: 'With certificates, under another name',
      command: 'lapidary bootstrap --include ca-certificates --tag base debian:trixie-slim',
    },
  ],
  details: [
    'Needs mmdebstrap, see doctor. A suite that ends in `-slim` has no documentation and translations. What the name stands for on other platforms stays: bootstrap it for each that is built for.',
  ],
  run: runBootstrap,
};

async function runBootstrap(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ withLapidary }, { readProgressMode, withProgress }, { formatSize }, { shortName }] =
    await Promise.all([
      import('../open-lapidary.ts'),
      import('../progress.ts'),
      import('../../progress/index.ts'),
      import('../image-facts.ts'),
    ]);
  const mode = readProgressMode(flags.text('progress'));
  const request = await readBootstrapRequest(call);
  const { reference, id, size } = await withProgress(mode, io, (onEvent) =>
    withLapidary(call, (lapidary) => lapidary.bootstrap(request, { signal: io.signal, onEvent })),
  );
  if (mode !== 'quiet' && mode !== 'rawjson') {
    io.stderr.write(`${shortName(reference)} ${id} (${formatSize(size)})\n`);
  }
  return EXIT.ok;
}

/** @throws LapidaryError USAGE, UNSUPPORTED, PLATFORM_INVALID */
async function readBootstrapRequest({ flags, io, args: [name = ''] }: Invocation): Promise<BootstrapRequest> {
  const [{ readPlatform }, { readEmulators }, { searchPath }] = await Promise.all([
    import('../read-input.ts'),
    import('../emulator-flags.ts'),
    import('../machine-paths.ts'),
  ]);
  const match = /^debian:([a-z][a-z0-9]*?)(-slim)?$/.exec(name);
  const suite = match?.[1];
  if (suite === undefined) {
    const other = !/^debian(:|$)/.test(name);
    throw new LapidaryError(
      other ? 'UNSUPPORTED' : 'USAGE',
      other
        ? `only Debian can be made from its archive, not ${quoted(name)}`
        : `not a suite: ${quoted(name)}`,
      { hint: 'expected debian:SUITE or debian:SUITE-slim, such as debian:trixie-slim' },
    );
  }
  const mirror = flags.text('mirror');
  return {
    name: 'debian',
    suite,
    slim: match?.[2] !== undefined,
    tag: flags.text('tag') ?? name,
    ...readPlatform(flags.text('platform')),
    ...readEmulators(flags.list('emulator'), io.cwd),
    ...searchPath({ io }),
    include: flags
      .list('include')
      .flatMap((list) => list.split(','))
      .filter((item) => item !== ''),
    ...(mirror === undefined ? {} : { mirror }),
    allowExpired: flags.on('allow-expired'),
  };
}
