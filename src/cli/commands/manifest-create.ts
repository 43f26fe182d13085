import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const manifestCreateCommand: CommandSpec = {
  name: 'manifest create',
  summary: 'Make one image for several platforms out of several',
  args: '[SOURCE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  options: [
    {
      flags: '-t, --tag PLACE',
      help: 'Where the index is written: a name in a registry, oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG]',
      repeat: true,
    },
    {
      flags: '-f, --file FILE',
      help: 'A source as a JSON descriptor, such as `containerimage.descriptor` of --metadata-file: its platform and annotations go into the index',
      repeat: true,
    },
    { flags: '--append', help: 'Keep what the first PLACE has, but for platforms that come anew' },
    { flags: '-p, --platform OS/ARCH', help: 'Only the images of these platforms', repeat: true },
    {
      flags: '--annotation [TYPE:]KEY=VALUE',
      help: 'Annotation of the index, or with manifest-descriptor[OS/ARCH]: of its lines',
      repeat: true,
    },
    {
      flags: '--prefer-index[=BOOL]',
      help: 'false: of a single image make no index, but write its manifest as it is (default: true)',
      bare: 'true',
    },
    { flags: '--dry-run', help: 'Print the index and write nothing' },
    { flags: '-q, --quiet', help: 'No progress; print only what was written' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    {
      text: 'Images that were built on two machines',
      command: 'lapidary manifest create -t ghcr.io/me/app:1 ghcr.io/me/app:1-amd64 ghcr.io/me/app:1-arm64',
    },
    {
      text: 'Images that were pushed by digest',
      command: 'lapidary manifest create -t ghcr.io/me/app:1 -f amd64.json -f arm64.json',
    },
    {
      text: 'One more platform',
      command: 'lapidary manifest create --append -t ghcr.io/me/app:1 oci:out/riscv64',
    },
    {
      text: 'What it would be',
      command: 'lapidary manifest create --dry-run ghcr.io/me/app:1-amd64 ghcr.io/me/app:1-arm64',
    },
  ],
  details: [
    'A SOURCE is a place as in cp, or sha256:… for a manifest of the repository of the first PLACE. Of an index among them every manifest is taken, its attestations too, each once. One index alone, with nothing changed about it, is copied as it is.',
    'What a registry lacks is sent, or mounted from a repository beside; the names move last. Images of Docker schema 2 make a list of Docker’s kind, unless there are annotations.',
  ],
  run: runCreate,
};

async function runCreate(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ withTools }, { readNetwork }, { readCreateIndex }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../index-request.ts'),
  ]);
  const request = await readCreateIndex(call);
  const options = { quiet: flags.on('quiet') || request.dryRun, ...readNetwork(flags) };
  const { bytes, descriptor } = await withTools(call, options, (tools) => tools.createIndex(request));
  if (request.dryRun) io.stdout.write(indented(bytes));
  else for (const name of flags.list('tag')) io.stdout.write(printable(`${name}@${descriptor.digest}\n`));
  return EXIT.ok;
}

/** A document for people: its digest is not that of these bytes. */
export function indented(bytes: Uint8Array): string {
  return printable(`${JSON.stringify(JSON.parse(Buffer.from(bytes).toString()), null, 2)}\n`);
}
