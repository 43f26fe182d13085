import type { Lapidary } from '../../build/index.ts';
import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import type { Value } from '../template/index.ts';

export const inspectCommand: CommandSpec = {
  name: 'inspect',
  summary: 'Print the details of images as JSON',
  args: 'IMAGE...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '-f, --format FORMAT', help: 'Go template for each image, or `json`' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several' },
  ],
  examples: [
    { text: 'All details', command: 'lapidary inspect app:1.0' },
    { text: 'One label', command: `lapidary inspect -f '{{index .Config.Labels "version"}}' app:1.0` },
    { text: 'Variables, one a line', command: `lapidary inspect -f '{{join .Config.Env "\\n"}}' app:1.0` },
  ],
  details: [
    'The document has the shape of `docker inspect`. Functions of templates: json, index, len, join, upper, lower, println, printf, eq, ne, not, and, or; with if, with, range and variables.',
  ],
  run: runInspect,
};

async function runInspect(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withLapidary }, { compileTemplate, toJson }, { readPlatform }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../template/index.ts'),
    import('../read-input.ts'),
  ]);
  const format = flags.text('format');
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format);
  const { platform } = readPlatform(flags.text('platform'));
  const documents = await withLapidary(call, (lapidary) =>
    Promise.all(args.map((name) => describe(lapidary, name, platform))),
  );
  if (render !== undefined) {
    io.stdout.write(printable(documents.map((document) => `${render(document)}\n`).join('')));
  } else {
    io.stdout.write(printable(`${toJson(documents, format === undefined ? 4 : undefined)}\n`));
  }
  return EXIT.ok;
}

async function describe(
  lapidary: Lapidary,
  name: string,
  platform: Parameters<Lapidary['inspect']>[1],
): Promise<Value> {
  const { inspectDocument } = await import('../image-facts.ts');
  const found = await lapidary.inspect(name, platform);
  const times = (await lapidary.images())
    .filter(({ reference }) => found.references.includes(reference))
    .map(({ taggedAt }) => taggedAt);
  return inspectDocument(found, times.sort().at(-1));
}
