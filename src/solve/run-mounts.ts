import { LapidaryError, quoted, SourceError, suggest } from '../errors/index.ts';
import { type Digest, hexOf, sha256 } from '../oci/index.ts';
import type { CacheMount, RunMount } from '../plan/index.ts';
import type { MountContent } from './mount-content.ts';
import type { Credentials, RequestMount } from './ports/index.ts';

/** The mounts of a step as the sandbox makes them, and what must not be seen in the step's output. */
export type ReadyMounts = {
  readonly mounts: readonly RequestMount[];
  readonly secrets: readonly Uint8Array[];
};

/**
 * Brings everything that is mounted to where the sandbox finds it. `contents` has what each mount reads.
 * Secrets and agents that are not there and not required are left out.
 *
 * @throws SourceError MOUNT_FAILED
 */
export async function readyMounts(
  mounts: readonly RunMount[],
  contents: readonly (MountContent | undefined)[],
  credentials: Credentials,
): Promise<ReadyMounts> {
  const secrets: Uint8Array[] = [];
  const ready: RequestMount[] = [];
  for (const [i, mount] of mounts.entries()) {
    const made = await located(mount, () => readyMount(mount, contents[i], credentials));
    if (made?.type === 'secret') secrets.push(made.bytes);
    if (made !== undefined) ready.push(made);
  }
  return { mounts: ready, secrets };
}

async function located<T>(mount: RunMount, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LapidaryError) || error instanceof SourceError) throw error;
    throw new SourceError(error.code, error.message, mount.at, { hint: error.hint, notes: error.notes });
  }
}

async function readyMount(
  mount: RunMount,
  content: MountContent | undefined,
  credentials: Credentials,
): Promise<RequestMount | undefined> {
  switch (mount.type) {
    case 'bind': {
      if (content === undefined) throw new Error('a bind mount of nothing');
      const { target, readonly } = mount;
      return { type: 'bind', target, readonly, ...(await content.load()) };
    }
    case 'cache':
      return readyCache(mount, content);
    case 'tmpfs': {
      const { type, target, readonly, size } = mount;
      return { type, target, readonly, ...(size === undefined ? {} : { size }) };
    }
    case 'secret': {
      const bytes = await credentials.secret(mount.id);
      if (bytes === undefined && mount.required) throw missing('secret', mount.id, credentials.secretIds);
      const { type, target, env, uid, gid, mode } = mount;
      const where = { ...(target === undefined ? {} : { target }), ...(env === undefined ? {} : { env }) };
      return bytes && { type, ...where, bytes, uid, gid, mode };
    }
    case 'ssh': {
      const agent = await credentials.agent(mount.id);
      if (agent === undefined && mount.required) throw missing('ssh', mount.id, credentials.agentIds);
      const { type, target, uid, gid, mode } = mount;
      return agent && { type, target, agent, uid, gid, mode };
    }
  }
}

async function readyCache(mount: CacheMount, content: MountContent | undefined): Promise<RequestMount> {
  const { id, target, readonly, sharing, owner } = mount;
  const seed = await content?.loadAlone();
  if (content !== undefined && seed === undefined) {
    throw new LapidaryError('MOUNT_FAILED', `${quoted(mount.source)} is a file, and a cache is a directory`, {
      hint: 'choose a directory as source',
    });
  }
  return {
    type: 'cache',
    target,
    readonly,
    sharing,
    id,
    name: cacheName(mount, content?.digest),
    ...(seed === undefined ? {} : { seed }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** As in BuildKit, another first content or another owner is another cache. */
function cacheName({ id, owner }: CacheMount, seed: Digest | undefined): string {
  const { uid, gid, mode } = owner ?? {};
  return hexOf(sha256(JSON.stringify(['cache', id, seed ?? null, uid ?? null, gid ?? null, mode ?? null])));
}

function missing(kind: 'secret' | 'ssh', id: string, known: readonly string[]): LapidaryError {
  const near = suggest(id, known);
  const what = kind === 'secret' ? `the secret ${quoted(id)}` : `the SSH agent ${quoted(id)}`;
  const give = kind === 'secret' ? `build with --secret id=${id},src=FILE` : `build with --ssh ${id}`;
  const hint = near === undefined ? give : `${give}; did you mean the ${kind} ${near}?`;
  return new LapidaryError('MOUNT_FAILED', `${what} is required, and not given to the build`, { hint });
}
