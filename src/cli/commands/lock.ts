import type { LockChange, LockRequest, LockResult } from '../../build/index.ts';
import { EXIT, LapidaryError, printable, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const lockCommand: CommandSpec = {
  name: 'lock',
  summary: 'Write down what a Dockerfile takes from elsewhere, by digest',
  args: 'PATH',
  arity: [1, 1],
  options: [
    { flags: '-f, --file FILE', help: 'Dockerfile (default: PATH/Dockerfile)' },
    { flags: '--lock-file FILE', help: 'The lock file (default: lapidary.lock beside the Dockerfile)' },
    {
      flags: '--platform OS/ARCH',
      help: 'Lock for these platforms (default: those of the lock file, else that of this machine)',
      repeat: true,
    },
    { flags: '--target STAGE', help: 'Only what this stage needs (default: what any stage needs)' },
    { flags: '--build-arg NAME=VALUE', help: 'Build argument', repeat: true },
    { flags: '--build-context NAME=VALUE', help: 'Another build context, as in build', repeat: true },
    {
      flags: '--update[=NAME]',
      help: 'Ask anew for everything, or for one image, URL or repository, and show what moved',
      bare: 'all',
      repeat: true,
    },
    {
      flags: '--check',
      help: 'Write nothing; exit code 1 when the lock file is not what the Dockerfile needs',
    },
    { flags: '--json', help: 'Print what changed as JSON' },
    {
      flags: '--secret SPEC',
      help: 'Credentials for ADD, as in build: id=HTTP_AUTH_TOKEN_<host>,env=VARIABLE',
      repeat: true,
    },
    { flags: '--ssh SPEC', help: 'For ADD of git repositories: default or ID=SOCKET', repeat: true },
    { flags: '--progress MODE', help: 'auto, plain, tty, quiet or rawjson (default: auto)' },
    { flags: '-q, --quiet', help: 'No progress' },
  ],
  examples: [
    { text: 'Write lapidary.lock, or add what it lacks', command: 'lapidary lock .' },
    { text: 'For two platforms', command: 'lapidary lock --platform linux/amd64,linux/arm64 .' },
    { text: 'See what moved, and take it', command: 'lapidary lock --update .' },
    { text: 'One base image only', command: 'lapidary lock --update=debian:trixie-slim .' },
    { text: 'In CI', command: 'lapidary lock --check . && lapidary build --locked -t app .' },
  ],
  details: [
    'The file has the digest of every base image with that of each platform, the sha256 of every URL and the commit of every git reference that ADD names; named build contexts too. What it has already stays as it is; what the Dockerfile needs no more goes. Its form is described in docs/lock-file.md.',
    '`build --locked` uses exactly what the file says, and refuses everything else.',
  ],
  run: runLock,
};

async function runLock(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [
    { lockBuild },
    { readLockRequest },
    { readAgents, readSecrets },
    { readProgressMode, withProgress },
    { proxyVariables, registries, searchPath, storeRoot },
  ] = await Promise.all([
    import('../../build/index.ts'),
    import('../lock-request.ts'),
    import('../credential-flags.ts'),
    import('../progress.ts'),
    import('../machine-paths.ts'),
  ]);
  const request = await readLockRequest(call);
  const mode = flags.on('quiet') ? 'quiet' : readProgressMode(flags.text('progress'));
  const store = await storeRoot(call);
  const result = await withProgress(mode, io, (onEvent) =>
    lockBuild(request, {
      signal: io.signal,
      onEvent,
      store,
      proxy: proxyVariables(call),
      secrets: readSecrets(flags.list('secret'), io),
      ssh: readAgents(flags.list('ssh'), io),
      ...searchPath(call),
      ...registries(call),
    }),
  );
  await print(result, call);
  if (request.check === true && result.changes.length > 0) throw stale(result, request);
  return EXIT.ok;
}

async function print({ path, changes, lock }: LockResult, { flags, io }: Invocation): Promise<void> {
  if (flags.on('json')) {
    const { formatJson } = await import('../json.ts');
    io.stdout.write(formatJson({ path, changes }));
    return;
  }
  for (const change of changes) io.stdout.write(printable(`${changeLine(change)}\n`));
  const count = [lock.images, lock.layouts, lock.files, lock.git].flatMap((part) => Object.keys(part)).length;
  const what = count === 1 ? 'one name' : `${count} names`;
  if (changes.length === 0) io.stdout.write(printable(`${path} is as it should be: ${what}\n`));
}

function changeLine({ what, name, platform, from, to }: LockChange): string {
  const title = [what, name, ...(platform === undefined ? [] : [platform])].join(' ');
  if (from === undefined) return `+ ${title} ${short(to ?? '')}`;
  return to === undefined ? `- ${title} ${short(from)}` : `~ ${title} ${short(from)} -> ${short(to)}`;
}

/** Enough to recognise it; the file has all of it. */
const short = (digest: string): string => digest.replace(/^(?:sha256:)?([0-9a-f]{12})[0-9a-f]+$/, '$1');

function stale({ path, changes }: LockResult, { update }: LockRequest): LapidaryError {
  const what = `${changes.length} ${changes.length === 1 ? 'line' : 'lines'}`;
  return new LapidaryError('LOCK_INCOMPLETE', `${quoted(path)} would change by ${what}`, {
    hint: update === undefined ? 'run `lapidary lock`' : 'run `lapidary lock --update`',
  });
}
