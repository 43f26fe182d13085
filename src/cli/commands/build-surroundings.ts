import type { BuildRequest, LookOptions } from '../../build/index.ts';
import type { Invocation } from '../command.ts';
import { readAgents, readSecrets } from '../credential-flags.ts';
import { proxyVariables, searchPath, storeRoot } from '../machine-paths.ts';
import { readSandbox } from '../sandbox-flags.ts';

/**
 * What surrounds a build on this machine, whether it is built or only looked at.
 * @throws LapidaryError USAGE
 */
export async function buildSurroundings(call: Invocation, request: BuildRequest): Promise<LookOptions> {
  const { flags, io } = call;
  return {
    signal: io.signal,
    secrets: readSecrets(flags.list('secret'), io),
    ssh: readAgents(flags.list('ssh'), io),
    store: await storeRoot(call),
    ...(request.context.type === 'stream' ? { stdin: io.stdin() } : {}),
    proxy: proxyVariables(call),
    ...(await readSandbox(flags, io)),
    ...searchPath(call),
  };
}
