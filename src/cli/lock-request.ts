import { resolve } from 'node:path';
import type { LockRequest } from '../build/index.ts';
import { LapidaryError } from '../errors/index.ts';
import { parsePlatform } from '../oci/index.ts';
import type { Invocation } from './command.ts';
import { readBuildArgs, readContexts } from './key-values.ts';

/**
 * What `lock` is asked for. Its Dockerfile is a file of this machine.
 * @throws LapidaryError USAGE, PLATFORM_INVALID
 */
export async function readLockRequest({ flags, args, io }: Invocation): Promise<LockRequest> {
  const { readContext, readDockerfile } = await import('./commands/build-request.ts');
  const [target, file, lockFile] = ['target', 'file', 'lock-file'].map((name) => flags.text(name));
  const context = readContext(args[0] ?? '', io);
  if (context.type === 'stream') {
    throw new LapidaryError('USAGE', 'the context of a lock is no stream', { hint: 'name a directory' });
  }
  const platforms = flags.list('platform').flatMap((text) => text.split(',').map(parsePlatform));
  const update = flags.list('update');
  return {
    context,
    buildArgs: readBuildArgs(flags.list('build-arg'), io.env),
    contexts: readContexts(flags.list('build-context')),
    check: flags.on('check'),
    ...(target !== undefined && { target }),
    ...(file !== undefined && { dockerfile: await readDockerfile(file, context, io) }),
    ...(lockFile !== undefined && { file: resolve(io.cwd, lockFile) }),
    ...(platforms.length > 0 && { platforms }),
    ...(update.length > 0 && { update: update.includes(ALL) ? 'all' : update }),
  };
}

/** What `--update` means without a name. */
const ALL = 'all';
