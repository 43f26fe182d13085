import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const tagsCommand: CommandSpec = {
  name: 'tags',
  summary: 'List the tags of a repository in a registry',
  args: 'REPOSITORY',
  arity: [1, 1],
  options: [{ flags: '--json', help: 'Print one JSON array' }, ...NETWORK_OPTIONS],
  examples: [{ text: 'One tag a line', command: 'lapidary tags ghcr.io/me/app' }],
  run: runTags,
};

async function runTags(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { formatJson }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../json.ts'),
  ]);
  const options = { quiet: true, ...readNetwork(flags) };
  const tags = await withTools(call, options, (tools) => tools.tags(args[0] ?? ''));
  io.stdout.write(flags.on('json') ? formatJson(tags) : printable(tags.map((tag) => `${tag}\n`).join('')));
  return EXIT.ok;
}
