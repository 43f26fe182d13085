import { EXIT } from '../../errors/index.ts';
import { hostPlatform } from '../../oci/index.ts';
import type { CommandSpec } from '../command.ts';
import { packageVersion } from '../version.ts';

export const versionCommand: CommandSpec = {
  name: 'version',
  summary: 'Print the versions of lapidary and of Node, and the platform',
  args: '',
  arity: [0, 0],
  options: [{ flags: '--json', help: 'Print a JSON object' }],
  examples: [{ text: 'For a bug report', command: 'lapidary version' }],
  run: ({ flags, io }) => {
    const { os, architecture } = hostPlatform(process.arch, process.platform);
    const facts = {
      lapidary: packageVersion(),
      node: process.versions.node,
      platform: `${os}/${architecture}`,
    };
    const rows = Object.entries(facts).map(([name, value]) => `${name} ${value}\n`);
    io.stdout.write(flags.on('json') ? `${JSON.stringify(facts)}\n` : rows.join(''));
    return Promise.resolve(EXIT.ok);
  },
};
