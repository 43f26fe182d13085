import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const pushCommand: CommandSpec = {
  name: 'push',
  summary: 'Push an image of the local store to a registry',
  args: 'IMAGE [DESTINATION...]',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '-q, --quiet', help: 'No progress; print only what was pushed' },
    { flags: '--digestfile FILE', help: 'Write the digest of what was pushed to a file' },
    {
      flags: '--compression NAME',
      help: 'Of layers that were never compressed: gzip, estargz, zstd or uncompressed (default: gzip)',
    },
    {
      flags: '--compression-level N',
      help: 'gzip and estargz: 0 to 9 (default: 5); zstd: 1 to 19 (default: 3)',
    },
    { flags: '--force-compression', help: 'Compress all layers anew, those of base images too' },
    {
      flags: '--oci-mediatypes[=BOOL]',
      help: "false: the media types of Docker's schema 2 (default: true; an image that was pulled keeps its own)",
      bare: 'true',
    },
    {
      flags: '--platform OS/ARCH',
      help: 'Only the image of this platform (default: all, as one index)',
    },
    ...NETWORK_OPTIONS,
    { flags: '-a, --all-tags', help: '', unsupported: 'name each of them' },
  ],
  examples: [
    { text: 'Under its own name', command: 'lapidary push ghcr.io/me/app:1.0' },
    { text: 'Under other names', command: 'lapidary push app ghcr.io/me/app:1.0 ghcr.io/me/app:latest' },
  ],
  details: [
    'Blobs that the repository has are not sent. Those that another repository of the registry has are mounted from there: layers of base images are never sent back to where they came from. Everything else is sent while it is compressed. An image that was pulled or loaded keeps its digest.',
  ],
  run: runPush,
};

async function runPush(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readCompression }, { readBoolean, readPlatform }] =
    await Promise.all([
      import('../open-lapidary.ts'),
      import('../network-options.ts'),
      import('../output-spec.ts'),
      import('../read-input.ts'),
    ]);
  const [name = '', ...destinations] = args;
  const types = flags.text('oci-mediatypes');
  const request = {
    image: name,
    destinations,
    ...readPlatform(flags.text('platform')),
    ...readCompression({
      compression: flags.text('compression'),
      level: flags.text('compression-level'),
      force: flags.on('force-compression'),
    }),
    ...(types !== undefined && { ociMediaTypes: readBoolean('--oci-mediatypes', types) }),
  };
  const options = { quiet: flags.on('quiet'), ...readNetwork(flags) };
  const { pushed, digest } = await withTools(call, options, (tools) => tools.push(request));
  const file = flags.text('digestfile');
  if (file !== undefined) await writeFile(resolve(io.cwd, file), digest);
  for (const reference of pushed) io.stdout.write(`${reference}@${digest}\n`);
  return EXIT.ok;
}
