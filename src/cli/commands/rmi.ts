import type { Lapidary } from '../../build/index.ts';
import { EXIT, LapidaryError } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const rmiCommand: CommandSpec = {
  name: 'rmi',
  summary: 'Remove names of images, and images without a name',
  args: 'NAME...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [{ flags: '-f, --force', help: 'Names that do not exist are no error' }],
  examples: [
    { text: 'One name', command: 'lapidary rmi app:1.0' },
    { text: 'All names of an image, by its ID', command: 'lapidary rmi 3b1f0c2d4e5f' },
  ],
  details: ['Names that can be removed are removed even if another one in the list cannot.'],
  run: runRmi,
};

async function runRmi(call: Invocation): Promise<number> {
  const { withLapidary } = await import('../open-lapidary.ts');
  return withLapidary(call, async (lapidary) => {
    let code: number = EXIT.ok;
    for (const name of call.args) code = Math.max(code, await removeOne(lapidary, name, call));
    return code;
  });
}

async function removeOne(lapidary: Lapidary, name: string, { flags, io }: Invocation): Promise<number> {
  const [{ reportError }, { shortName }] = await Promise.all([
    import('../report-error.ts'),
    import('../image-facts.ts'),
  ]);
  try {
    const { id } = (await lapidary.inspect(name)).image;
    const { untagged, removed } = await lapidary.untag(name);
    for (const reference of untagged) io.stdout.write(`Untagged: ${shortName(reference)}\n`);
    if (removed) io.stdout.write(`Deleted: ${id}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    if (flags.on('force') && error.code === 'IMAGE_NOT_FOUND') return EXIT.ok;
    return reportError(error, { io, verbose: flags.on('verbose') });
  }
}
