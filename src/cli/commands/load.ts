import { resolve } from 'node:path';
import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const loadCommand: CommandSpec = {
  name: 'load',
  summary: 'Read images from an archive into the local store',
  args: '',
  arity: [0, 0],
  options: [
    {
      flags: '-i, --input PATH',
      help: 'OCI or Docker archive, or OCI layout directory (default: standard input)',
    },
    { flags: '-q, --quiet', help: 'Do not print what was loaded' },
  ],
  examples: [
    { text: 'From a file', command: 'lapidary load -i debian.tar' },
    { text: 'From a Docker engine', command: 'docker save debian:trixie-slim | lapidary load' },
  ],
  run: runLoad,
};

async function runLoad(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ withLapidary }, { refuseTerminal }, { shortName }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../read-input.ts'),
    import('../image-facts.ts'),
  ]);
  const input = flags.text('input');
  const fromStdin = input === undefined || input === '-';
  if (fromStdin)
    refuseTerminal(io.stdin(), 'an archive is to be read from standard input, which is a terminal');
  const source = fromStdin ? { stdin: io.stdin() } : { path: resolve(io.cwd, input) };
  const loaded = await withLapidary(call, (lapidary) => lapidary.load(source, { signal: io.signal }));
  if (flags.on('quiet')) return EXIT.ok;
  for (const { references, id } of loaded) {
    if (references.length === 0) io.stdout.write(`Loaded image ID: ${id}\n`);
    for (const reference of references) io.stdout.write(`Loaded image: ${shortName(reference)}\n`);
  }
  return EXIT.ok;
}
