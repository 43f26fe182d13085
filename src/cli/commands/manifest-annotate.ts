import { EXIT, LapidaryError, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';
import { indented } from './manifest-create.ts';

export const manifestAnnotateCommand: CommandSpec = {
  name: 'manifest annotate',
  summary: 'Change annotations or platforms of an index',
  args: 'INDEX [MANIFEST]',
  arity: [1, 2],
  options: [
    {
      flags: '--annotation KEY=VALUE',
      help: 'Annotation of the index or, with MANIFEST, of its line; without a VALUE it is taken away',
      repeat: true,
    },
    { flags: '--set-platform OS/ARCH', help: 'What the line of MANIFEST is for' },
    { flags: '--os-version VERSION', help: 'Version of the operating system that it is for' },
    { flags: '--dry-run', help: 'Print the index and write nothing' },
    { flags: '-q, --quiet', help: 'No progress; print only what was written' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    {
      text: 'Of the whole image',
      command: 'lapidary manifest annotate ghcr.io/me/app:1 --annotation org.opencontainers.image.vendor=me',
    },
    {
      text: 'A platform that its image does not tell',
      command: 'lapidary manifest annotate ghcr.io/me/app:1 sha256:… --set-platform linux/arm/v6',
    },
    {
      text: 'Of the image of a platform, in a layout',
      command: 'lapidary manifest annotate oci:layout:1 linux/arm64 --annotation com.example.tested=',
    },
  ],
  details: [
    'INDEX is a name in a registry or oci:DIRECTORY[:TAG]; MANIFEST is the digest or the platform of one of its lines. The index gets a new digest, its name moves there, and its manifests stay what they are. Of two that do this at once one may be lost: the protocol has no way to notice.',
  ],
  run: runAnnotate,
};

async function runAnnotate(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readPlainAnnotations }, { parsePlatform, isDigest }, build] =
    await Promise.all([
      import('../open-lapidary.ts'),
      import('../network-options.ts'),
      import('../index-annotations.ts'),
      import('../../oci/index.ts'),
      import('../../build/index.ts'),
    ]);
  const [name = '', line] = args;
  const [text, version] = [flags.text('set-platform'), flags.text('os-version')];
  const annotations = readPlainAnnotations(flags.list('annotation'));
  if (text === undefined && Object.keys(annotations).length === 0) {
    const hint = version === undefined ? 'add --annotation or --set-platform' : 'add --set-platform';
    throw new LapidaryError('USAGE', 'nothing is to be changed', { hint });
  }
  if (line === undefined && text !== undefined) {
    const hint = 'name a manifest of it: lapidary manifest annotate INDEX sha256:…';
    throw new LapidaryError('USAGE', 'an index is of no platform', { hint });
  }
  const dryRun = flags.on('dry-run');
  const request = {
    place: build.parseImagePlace(name, io.cwd),
    annotations,
    dryRun,
    ...(line !== undefined && { line: isDigest(line) ? line : parsePlatform(line) }),
    ...(text !== undefined && {
      platform: { ...parsePlatform(text), ...(version !== undefined && { 'os.version': version }) },
    }),
  };
  const options = { quiet: flags.on('quiet') || dryRun, ...readNetwork(flags) };
  const { bytes, descriptor } = await withTools(call, options, (tools) => tools.annotateIndex(request));
  io.stdout.write(dryRun ? indented(bytes) : printable(`${name}@${descriptor.digest}\n`));
  return EXIT.ok;
}
