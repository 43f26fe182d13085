import { resolve } from 'node:path';
import { EXIT, LapidaryError, quoted, suggest } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

const FORMATS = ['oci', 'docker'] as const;

export const saveCommand: CommandSpec = {
  name: 'save',
  summary: 'Write an image to an archive',
  args: 'NAME...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '-o, --output FILE', help: 'Archive to write (default: - for standard output)' },
    { flags: '--format FORMAT', help: 'docker or oci (default: docker)' },
    {
      flags: '--platform OS/ARCH',
      help: 'Platform to pick from an image of several (default: all for oci, that of this machine for docker)',
    },
  ],
  examples: [
    { text: 'An archive for `docker load`', command: 'lapidary save -o app.tar app:1.0' },
    { text: 'Straight into a Docker engine', command: 'lapidary save app:1.0 | docker load' },
    { text: 'An OCI archive', command: 'lapidary save --format oci -o app.tar app:1.0' },
  ],
  details: ['Several names of one image go into one archive.'],
  run: runSave,
};

async function runSave(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withLapidary }, { readPlatform, refuseTerminal }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../read-input.ts'),
  ]);
  const { platform } = readPlatform(flags.text('platform'));
  const file = flags.text('output') ?? '-';
  const dest = file === '-' ? file : resolve(io.cwd, file);
  const output = { type: readFormat(flags.text('format')), dest, tar: true };
  if (dest === '-') refuseTerminal(io.stdout, 'an archive is not written to a terminal');
  const { signal, stdout } = io;
  const request = { references: args, output, platform };
  await withLapidary(call, (lapidary) => lapidary.save(request, { signal, stdout }));
  return EXIT.ok;
}

function readFormat(text = 'docker'): (typeof FORMATS)[number] {
  const format = FORMATS.find((one) => one === text);
  if (format !== undefined) return format;
  const near = suggest(text, FORMATS);
  throw new LapidaryError('USAGE', `--format has no value ${quoted(text)}`, {
    hint: near === undefined ? `expected ${FORMATS.join(' or ')}` : `did you mean ${near}?`,
  });
}
