import { EXIT, LapidaryError, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const rmCommand: CommandSpec = {
  name: 'rm',
  summary: 'Remove images from a registry, by digest',
  args: 'NAME@DIGEST...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: NETWORK_OPTIONS,
  examples: [
    {
      text: 'What a tag names now',
      command: 'lapidary rm "registry.lan/app@$(lapidary inspect --digest registry.lan/app:1)"',
    },
  ],
  details: [
    'A registry removes a manifest together with all of its tags, and frees the space when it next collects garbage. Many registries do not allow it. Names in the local store are removed by `rmi`, tags of a registry by `manifest rm`.',
  ],
  run: runRm,
};

async function runRm(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { parseReference }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../../oci/index.ts'),
  ]);
  const tagged = args.find((name) => parseReference(name).digest === undefined);
  if (tagged !== undefined) {
    throw new LapidaryError('USAGE', `${quoted(tagged)} has no digest`, {
      hint: 'name it by @sha256:…, as `lapidary inspect --digest` tells; a tag alone is removed by `manifest rm`',
    });
  }
  await withTools(call, { quiet: true, ...readNetwork(flags) }, async (tools) => {
    for (const name of args) io.stdout.write(`Deleted: ${await tools.remove(name)}\n`);
  });
  return EXIT.ok;
}
