import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GitSource, HttpSource } from '../context/index.ts';
import type { Credentials, RemoteSources } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';
import { gitAuthorization, httpAuthorization } from './network-credentials.ts';
import type { BuildOptions } from './types.ts';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Files and repositories of the network, kept in a store. What does it is loaded when it is needed. */
export function remoteSources(
  store: LocalStore,
  { proxy = {}, searchPath = SYSTEM_PATH }: Pick<BuildOptions, 'proxy' | 'searchPath'>,
  credentials: Credentials,
): RemoteSources {
  const { facts, layers, files } = store;
  let loaded: Promise<{ readonly http: HttpSource; readonly git: GitSource }> | undefined;
  const load = async (): Promise<{ readonly http: HttpSource; readonly git: GitSource }> => {
    const { GitSource, HttpSource } = await import('../context/index.ts');
    const knownHosts = [join(homedir(), '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'];
    const agent = await credentials.agent('default');
    const identity = agent?.type === 'socket' ? { sshAgent: agent.path } : { sshKeys: agent?.files ?? [] };
    const environment = { searchPath, proxy, knownHosts, ...identity };
    const secret = (id: string): Promise<Uint8Array | undefined> => credentials.secret(id);
    const http = { authorization: (host: string) => httpAuthorization(host, secret) };
    const git = { authorization: (host: string) => gitAuthorization(host, secret) };
    return {
      http: new HttpSource({ facts, files, layers, proxy, ...http }),
      git: new GitSource({ facts, layers, work: store.paths.work, environment, ...git }),
    };
  };
  return {
    http: async (request, signal) => (await (loaded ??= load())).http.open(request, signal),
    git: async (ref, signal) => (await (loaded ??= load())).git.open(ref, signal),
  };
}
