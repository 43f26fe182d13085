import { EXIT, LapidaryError } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { NETWORK_OPTIONS } from '../network-options.ts';

export const loginCommand: CommandSpec = {
  name: 'login',
  summary: 'Log in to a registry',
  args: '[SERVER]',
  arity: [0, 1],
  options: [
    { flags: '-u, --username NAME', help: 'User name (default: asked for on a terminal)' },
    { flags: '--password-stdin', help: 'Read the password or access token from standard input' },
    ...NETWORK_OPTIONS,
    {
      flags: '-p, --password TEXT',
      help: '',
      unsupported: 'a password on the command line is seen by other users: use --password-stdin',
    },
  ],
  examples: [
    { text: 'On a terminal', command: 'lapidary login ghcr.io' },
    { text: 'In a script', command: 'printf %s "$TOKEN" | lapidary login -u me --password-stdin ghcr.io' },
    { text: 'For a part of a registry', command: 'lapidary login -u robot quay.io/team' },
  ],
  details: [
    'The registry has to accept the password before it is kept, where docker and podman find it, too: with the credential helper that `config.json` names, else in `$REGISTRY_AUTH_FILE` or `$DOCKER_CONFIG/config.json` (default `~/.docker/config.json`), readable for its owner only. Without SERVER it is for Docker Hub.',
  ],
  run: runLogin,
};

async function runLogin(call: Invocation): Promise<number> {
  const { flags, args, io } = call;
  const [{ registryLogin }, { readConfig }, { readNetwork }, { withProgress }] = await Promise.all([
    import('../../build/index.ts'),
    import('../machine-paths.ts'),
    import('../network-options.ts'),
    import('../progress.ts'),
  ]);
  const network = readNetwork(flags);
  const credential = await readCredential(call);
  const config = await readConfig(call);
  const [server] = args;
  const more = { ...network, ...(server !== undefined && { server }), signal: io.signal };
  const result = await withProgress('plain', io, (onEvent) =>
    registryLogin({ config, ...credential, ...more, onEvent }),
  );
  const { kind, name } = result.keptBy;
  if (kind === 'file' && result.secret === 'password') {
    io.stderr.write(`The password is kept unencrypted in ${name}; a credential helper would be safer\n`);
  }
  io.stdout.write(`Logged in to ${result.server}\n`);
  return EXIT.ok;
}

async function readCredential({
  flags,
  io,
}: Invocation): Promise<{ readonly username: string; readonly password: string }> {
  const username = flags.text('username');
  if (flags.on('password-stdin')) {
    if (username === undefined) throw new LapidaryError('USAGE', '--password-stdin needs --username');
    const { readStdinText } = await import('../read-input.ts');
    // What echo and most files put behind it belongs to none of it
    return { username, password: (await readStdinText(io, 'the password')).replace(/\r?\n$/, '') };
  }
  if (io.stdin().isTTY !== true) {
    throw new LapidaryError('USAGE', 'there is no terminal to ask for the password on', {
      hint: 'pipe it in: printf %s "$TOKEN" | lapidary login -u NAME --password-stdin',
    });
  }
  const { ask } = await import('../ask.ts');
  const forName = { text: 'Username: ', echo: 'shown' } as const;
  const forPassword = { text: 'Password: ', echo: 'hidden' } as const;
  const answers = await ask(io, username === undefined ? [forName, forPassword] : [forPassword]);
  const [password = '', name = username ?? ''] = answers.toReversed();
  return { username: name, password };
}
