import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const manifestRmCommand: CommandSpec = {
  name: 'manifest rm',
  summary: 'Remove tags, or manifests with their tags, from a registry',
  args: 'NAME:TAG|NAME@DIGEST...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '--dry-run', help: 'Tell what would be removed and remove nothing' },
    ...NETWORK_OPTIONS,
  ],
  examples: [
    { text: 'A tag; other tags of the image stay', command: 'lapidary manifest rm registry.lan/app:old' },
    {
      text: 'An image with all of its tags',
      command: 'lapidary manifest rm "registry.lan/app@$(lapidary inspect --digest registry.lan/app:1)"',
    },
  ],
  details: [
    'By its digest a manifest goes with all of its tags; the manifests that an index names stay. By a tag only the tag goes: not every registry can do this, and one that cannot is never asked to remove the manifest instead.',
  ],
  run: runRm,
};

async function runRm(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
  ]);
  const dryRun = flags.on('dry-run');
  await withTools(call, { quiet: true, ...readNetwork(flags) }, async (tools) => {
    for (const name of args) {
      const removed = await tools.remove(name, { dryRun });
      io.stdout.write(`${dryRun ? 'Would delete' : 'Deleted'}: ${removed}\n`);
    }
  });
  return EXIT.ok;
}
