import type { Lapidary } from '../../build/index.ts';
import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';
import type { Value } from '../template/index.ts';

export const inspectCommand: CommandSpec = {
  name: 'inspect',
  summary: 'Print the details of images as JSON',
  args: 'IMAGE...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '-f, --format FORMAT', help: 'Go template for each image, or `json`' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several' },
    { flags: '--raw', help: 'Print the manifest or index of one image as it is; IMAGE is a place as in cp' },
    { flags: '--digest', help: 'Print the digest of that manifest or index' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'All details', command: 'lapidary inspect app:1.0' },
    { text: 'One label', command: `lapidary inspect -f '{{index .Config.Labels "version"}}' app:1.0` },
    { text: 'Variables, one a line', command: `lapidary inspect -f '{{join .Config.Env "\\n"}}' app:1.0` },
    { text: 'The index of a remote image', command: 'lapidary inspect --raw alpine:latest' },
    { text: 'The configuration of a remote image', command: 'lapidary inspect docker://alpine:latest' },
  ],
  details: [
    'A name is looked up in the local store. With docker://NAME, oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], and with --raw and --digest also by its name alone, an image is read where it is, without fetching a layer.',
    'The document has the shape of `docker inspect`. Functions of templates: json, index, len, join, upper, lower, println, printf, eq, ne, not, and, or; with if, with, range and variables.',
  ],
  run: runInspect,
};

async function runInspect(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  if (flags.on('raw') || flags.on('digest')) return printRaw(call);
  const [{ withLapidary }, { compileTemplate, toJson }, { readPlatform }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../template/index.ts'),
    import('../read-input.ts'),
  ]);
  const format = flags.text('format');
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format);
  const { platform } = readPlatform(flags.text('platform'));
  const documents = await withLapidary(call, (lapidary) =>
    Promise.all(args.map((name) => describe(lapidary, name, { platform, call }))),
  );
  if (render !== undefined) {
    io.stdout.write(printable(documents.map((document) => `${render(document)}\n`).join('')));
  } else {
    io.stdout.write(printable(`${toJson(documents, format === undefined ? 4 : undefined)}\n`));
  }
  return EXIT.ok;
}

/** The very bytes: for programs. */
async function printRaw(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readPlatform }, { exclusive }, { parseImagePlace }] =
    await Promise.all([
      import('../open-lapidary.ts'),
      import('../network-options.ts'),
      import('../read-input.ts'),
      import('../table.ts'),
      import('../../build/index.ts'),
    ]);
  const [name = '', another] = args;
  exclusive({
    '--raw': flags.on('raw'),
    '--digest': flags.on('digest'),
    '--format': flags.on('format'),
    'a second IMAGE': another !== undefined,
  });
  const { platform } = readPlatform(flags.text('platform'));
  const place = parseImagePlace(name, io.cwd);
  const options = { quiet: true, ...readNetwork(flags) };
  const { bytes, descriptor } = await withTools(call, options, (tools) => tools.raw(place, platform));
  if (flags.on('digest')) io.stdout.write(`${descriptor.digest}\n`);
  // On a terminal the bytes of others are not let through
  else io.stdout.write(io.stdout.isTTY === true ? printable(Buffer.from(bytes).toString()) : bytes);
  return EXIT.ok;
}

type DescribeOptions = {
  readonly platform: Parameters<Lapidary['inspect']>[1];
  readonly call: Invocation;
};

async function describe(
  lapidary: Lapidary,
  name: string,
  { platform, call: { flags, io } }: DescribeOptions,
): Promise<Value> {
  const [{ inspectDocument }, { isPlace, readPlace }] = await Promise.all([
    import('../image-facts.ts'),
    import('../image-place.ts'),
  ]);
  if (isPlace(name)) {
    const { readNetwork } = await import('../network-options.ts');
    await using tools = lapidary.tools({ signal: io.signal, ...readNetwork(flags) });
    const { image, config } = await tools.inspect(await readPlace(name, io.cwd), platform);
    return inspectDocument({ image, config, references: [] }, undefined);
  }
  const found = await lapidary.inspect(name, platform);
  const times = (await lapidary.images())
    .filter(({ reference }) => found.references.includes(reference))
    .map(({ taggedAt }) => taggedAt);
  return inspectDocument(found, times.sort().at(-1));
}
