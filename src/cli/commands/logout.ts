import { EXIT } from '../../errors/index.ts';
import type { CommandSpec } from '../command.ts';

export const logoutCommand: CommandSpec = {
  name: 'logout',
  summary: 'Forget the login to a registry',
  args: '[SERVER]',
  arity: [0, 1],
  options: [],
  examples: [{ text: 'Of one registry', command: 'lapidary logout ghcr.io' }],
  details: [
    'Takes it out of credential helpers and of all files that are read for it. Without SERVER it is Docker Hub.',
  ],
  run: async (call) => {
    const [server = 'docker.io'] = call.args;
    const [{ registryLogout }, { readConfig }] = await Promise.all([
      import('../../build/index.ts'),
      import('../machine-paths.ts'),
    ]);
    const found = await registryLogout(await readConfig(call), server);
    call.io.stdout.write(found ? `Logged out of ${server}\n` : `Not logged in to ${server}\n`);
    return EXIT.ok;
  },
};
