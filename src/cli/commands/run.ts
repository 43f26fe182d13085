import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { RunImageRequest } from '../../build/index.ts';
import { LapidaryError, printable, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import type { Io } from '../io.ts';
import { readSandbox, SANDBOX_OPTIONS } from '../sandbox-flags.ts';

export const runCommand: CommandSpec = {
  name: 'run',
  summary: 'Run an image in the foreground',
  args: 'IMAGE [ARG...]',
  arity: [1, Number.POSITIVE_INFINITY],
  passThrough: true,
  options: [
    { flags: '--rm', help: 'Accepted for familiarity: containers never outlive the command' },
    {
      flags: '-e, --env NAME[=VALUE]',
      help: 'Variable; without =VALUE the one that the environment has',
      repeat: true,
    },
    { flags: '--env-file FILE', help: 'Variables from a file, one NAME=VALUE a line', repeat: true },
    { flags: '-v, --volume SRC:DST[:ro]', help: 'Mount a file or directory of this machine', repeat: true },
    { flags: '-w, --workdir DIR', help: 'Working directory' },
    { flags: '-u, --user USER[:GROUP]', help: 'User, by name or number' },
    { flags: '--entrypoint PROGRAM', help: 'Replaces the ENTRYPOINT, and drops the CMD' },
    { flags: '--init', help: 'Run a small init as process 1' },
    { flags: '-i, --interactive', help: 'Accepted for familiarity: standard input is always connected' },
    { flags: '-t, --tty', help: 'Allocate a terminal' },
    { flags: '--platform OS/ARCH', help: 'Platform to pick from an image of several' },
    ...SANDBOX_OPTIONS,
    { flags: '-d, --detach', help: '', unsupported: 'containers run in the foreground; use & of the shell' },
    { flags: '--name NAME', help: '', unsupported: 'containers have no names; leave this flag out' },
    {
      flags: '-p, --publish PORT',
      help: '',
      unsupported: 'the network is that of this machine: ports are open',
    },
    { flags: '--network MODE', help: '', unsupported: 'the network is that of this machine' },
    { flags: '--mount SPEC', help: '', unsupported: 'use -v' },
    { flags: '--privileged', help: '', unsupported: 'containers have the usual rights' },
  ],
  examples: [
    { text: 'Run the image as it is', command: 'lapidary run app:1.0' },
    { text: 'A shell in it', command: 'lapidary run -it --entrypoint sh app:1.0' },
    {
      text: 'With a directory and a variable',
      command: 'lapidary run -v ./data:/data:ro -e LOG=debug app:1.0 --verbose',
    },
  ],
  details: [
    'Everything after IMAGE belongs to the command. The exit code is that of the command; 1 and 2 also stand for errors of lapidary itself.',
  ],
  run: runRun,
};

async function runRun(call: Invocation): Promise<number> {
  const { withLapidary } = await import('../open-lapidary.ts');
  const request = await readRunRequest(call);
  call.io.releaseSignals(); // from here on they belong to the container
  const onWarning = (message: string): void => {
    call.io.stderr.write(`${printable(`warning: ${message}`)}\n`);
  };
  return withLapidary(call, (lapidary) => lapidary.run(request, { onWarning }));
}

/** @throws LapidaryError USAGE, PLATFORM_INVALID */
async function readRunRequest({
  flags,
  args: [reference = '', ...args],
  io,
}: Invocation): Promise<RunImageRequest> {
  const [{ readEnv, readEnvFile }, { readFlagFile, readPlatform }] = await Promise.all([
    import('../key-values.ts'),
    import('../read-input.ts'),
  ]);
  const files = await Promise.all(
    flags.list('env-file').map(async (path) => {
      return readEnvFile(await readFlagFile(io, { flag: '--env-file', path }), path, io.env);
    }),
  );
  const [workdir, user, entrypoint] = [flags.text('workdir'), flags.text('user'), flags.text('entrypoint')];
  if (flags.on('tty') && io.stdout.isTTY !== true) {
    throw new LapidaryError('USAGE', '--tty needs a terminal as standard output', { hint: 'leave out -t' });
  }
  return {
    reference,
    args,
    env: [...files.flat(), ...readEnv(flags.list('env'), io.env)],
    ...(workdir === undefined ? {} : { workdir }),
    ...(user === undefined ? {} : { user }),
    ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    volumes: await Promise.all(flags.list('volume').map((text) => readVolume(text, io))),
    init: flags.on('init'),
    tty: flags.on('tty'),
    ...(await readSandbox(flags, io)),
    ...readPlatform(flags.text('platform')),
  };
}

async function readVolume(text: string, { cwd }: Io): Promise<RunImageRequest['volumes'][number]> {
  const [source = '', target = '', mode = 'rw', extra] = text.split(':');
  if (source === '' || !target.startsWith('/') || extra !== undefined || !/^(ro|rw)$/.test(mode)) {
    throw new LapidaryError('USAGE', `--volume is not understood: ${quoted(text)}`, {
      hint: 'expected SOURCE:/TARGET or SOURCE:/TARGET:ro',
    });
  }
  if (!/^\.{0,2}\//.test(source) && source !== '.' && source !== '..') {
    throw new LapidaryError('UNSUPPORTED', `there are no named volumes: ${quoted(source)}`, {
      hint: `for the directory write ./${source}`,
    });
  }
  const path = resolve(cwd, source);
  try {
    await stat(path);
  } catch (cause) {
    throw new LapidaryError('USAGE', `--volume: ${quoted(path)} does not exist`, {
      cause,
      hint: 'make the directory first',
    });
  }
  return { source: path, target, readonly: mode === 'ro' };
}
