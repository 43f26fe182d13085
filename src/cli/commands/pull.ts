import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const pullCommand: CommandSpec = {
  name: 'pull',
  summary: 'Fetch an image from a registry into the local store',
  args: 'IMAGE...',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    { flags: '--platform OS/ARCH', help: 'Platform of the image (default: that of this machine)' },
    { flags: '-q, --quiet', help: 'No progress; print only what was pulled' },
    ...NETWORK_OPTIONS,
    { flags: '-a, --all-tags', help: '', unsupported: 'name the tags; `lapidary tags` lists them' },
  ],
  examples: [
    { text: 'An image of Docker Hub', command: 'lapidary pull debian:trixie-slim' },
    { text: 'Another platform', command: 'lapidary pull --platform linux/arm64 alpine' },
    {
      text: 'From a registry without TLS',
      command: 'lapidary pull --tls-verify=false registry.lan:5000/app',
    },
  ],
  details: [
    'Layers that the store has already are not fetched. A pull that was broken off goes on where it was. Builds pull by themselves what they need; see `build --pull`.',
  ],
  run: runPull,
};

async function runPull(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ withTools }, { readNetwork }, { readPlatform }] = await Promise.all([
    import('../open-lapidary.ts'),
    import('../network-options.ts'),
    import('../read-input.ts'),
  ]);
  const { platform } = readPlatform(flags.text('platform'));
  const options = { quiet: flags.on('quiet'), ...readNetwork(flags) };
  const pulled = await withTools(call, options, async (tools) => {
    const all = [];
    for (const name of args) all.push(await tools.pull(name, platform));
    return all;
  });
  for (const { reference, digest } of pulled) io.stdout.write(`${named(reference, digest)}\n`);
  return EXIT.ok;
}

const named = (reference: string, digest: string): string =>
  reference.endsWith(digest) ? reference : `${reference}@${digest}`;
