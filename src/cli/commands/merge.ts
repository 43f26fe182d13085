import { resolve } from 'node:path';
import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const mergeCommand: CommandSpec = {
  name: 'merge',
  summary: 'Join what several machines have built of one image',
  args: 'LAYOUT...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    {
      flags: '-t, --tag NAME',
      help: 'Name of the image in the local store (default: the names that the layouts give)',
      repeat: true,
    },
    { flags: '-o, --output SPEC', help: 'As of build: type=oci|tar|local|registry, …', repeat: true },
    { flags: '--push', help: 'Push to the registries of all names: --output type=registry' },
    { flags: '-q, --quiet', help: 'No progress; print only the digest' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'Without a registry', command: 'lapidary merge -t app one two' },
    { text: 'Into a registry', command: 'lapidary merge -t ghcr.io/me/app:1 --push one two' },
  ],
  details: [
    'A LAYOUT is an OCI layout, as a directory or an archive, such as `build --shard 1/2 -o type=oci,tar=false,dest=one` writes. In the order of their shards they give the very index that one machine would have built. Names move when everything else is done.',
  ],
  run: runMerge,
};

async function runMerge(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readOutputs }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('./build-request.ts'),
  ]);
  const request = {
    layouts: args.map((path) => resolve(io.cwd, path)),
    tags: flags.list('tag'),
    outputs: readOutputs(flags, io),
  };
  const options = { quiet: flags.on('quiet'), ...readNetwork(flags) };
  const { descriptor, pushed } = await withTools(call, options, (tools) => tools.merge(request, io.stdout));
  for (const reference of pushed) io.stdout.write(printable(`${reference}@${descriptor.digest}\n`));
  if (pushed.length === 0) io.stdout.write(`${descriptor.digest}\n`);
  return EXIT.ok;
}
