import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const cpCommand: CommandSpec = {
  name: 'cp',
  summary: 'Copy an image between registries, layouts, archives and the store',
  args: 'SOURCE DESTINATION',
  arity: [2, 2],
  options: [
    {
      flags: '--platform OS/ARCH',
      help: 'Only the image of this platform (default: all, with attestations)',
    },
    { flags: '-q, --quiet', help: 'No progress; print only the digest' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'From one registry to another', command: 'lapidary cp debian:trixie registry.lan/debian:trixie' },
    { text: 'Into an OCI layout', command: 'lapidary cp ghcr.io/me/app:1 oci:layout:1' },
    { text: 'From the store into an archive', command: 'lapidary cp store:app:1 oci-archive:app.tar:1' },
    { text: 'An archive to a registry', command: 'lapidary cp oci-archive:app.tar ghcr.io/me/app:1' },
  ],
  details: [
    'A place is docker://NAME or a name alone for a registry, store:NAME for the local store, oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME].',
    'Nothing is unpacked and no digest changes: blobs move as they are. What the destination has is not sent, and within one registry blobs are mounted. Docker archives have no manifests and hold uncompressed layers: to them and from them digests do change.',
  ],
  run: runCp,
};

async function runCp(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readPlatform }, { parseImagePlace }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../read-input.ts'),
    import('../../build/index.ts'),
  ]);
  const [from = '', to = ''] = args;
  const request = {
    from: parseImagePlace(from, io.cwd),
    to: parseImagePlace(to, io.cwd),
    ...readPlatform(flags.text('platform')),
  };
  const options = { quiet: flags.on('quiet'), ...readNetwork(flags) };
  const digest = await withTools(call, options, (tools) => tools.copy(request));
  io.stdout.write(`${digest}\n`);
  return EXIT.ok;
}
