import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import { sha256 } from '../oci/index.ts';
import { type GitRef, redacted } from '../plan/index.ts';
import { type FactStore, inTurns, type LayerStore, type RemoteCheckout } from '../solve/index.ts';
import { type LayerId, Tree } from '../tree/index.ts';
import { checkoutEntries } from './git-checkout.ts';
import { type GitCall, type GitEnvironment, GitFailure, runGit } from './git-command.ts';
import { findRef } from './git-refs.ts';

export type GitSourceParts = {
  readonly facts: FactStore;
  readonly layers: LayerStore;
  /** Where a checkout may stand while it is read. */
  readonly work: string;
  readonly environment: GitEnvironment;
  /** The value of an `Authorization` header for a host; `undefined` where there is none. */
  readonly authorization?: (host: string) => Promise<string | undefined>;
};

/** What a reference leads to: the commit, and the name by which the server gives it. */
type Resolved = { readonly commit: string; readonly name: string };

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Commits of git repositories, fetched once each by the program git. */
export class GitSource {
  readonly #parts: GitSourceParts;

  constructor(parts: GitSourceParts) {
    this.#parts = parts;
  }

  /** The contract of `RemoteSources.git`. */
  async open(ref: GitRef, signal: AbortSignal): Promise<RemoteCheckout> {
    const resolved = await this.#resolve(ref, signal);
    const { checksum = '' } = ref;
    if (!resolved.commit.startsWith(checksum)) {
      throw new LapidaryError(
        'DIGEST_MISMATCH',
        `${quoted(ref.ref ?? 'HEAD')} of ${quoted(redacted(ref.remote))} is the commit ${resolved.commit}, not ${checksum}`,
        { hint: 'check the reference and the checksum: the branch or tag was moved' },
      );
    }
    return { commit: resolved.commit, load: () => this.#load(ref, resolved, signal) };
  }

  /** A commit that is written out needs no question. */
  async #resolve({ remote, ref }: GitRef, signal: AbortSignal): Promise<Resolved> {
    if (ref !== undefined && COMMIT.test(ref)) return { commit: ref, name: ref };
    const url = redacted(remote);
    return this.#within(remote, signal, async (call) => {
      const patterns = ref === undefined ? ['HEAD'] : [ref, `${ref}^{}`];
      const listed = await runGit(['ls-remote', '--', url, ...patterns], call);
      const found = findRef(listed, ref);
      if (found !== undefined) return found;
      throw new LapidaryError(
        'FETCH_FAILED',
        `${quoted(url)} has no branch, tag or commit ${quoted(ref ?? 'HEAD')}`,
        { hint: 'check the reference; a commit is written with all its digits' },
      );
    });
  }

  async #load(ref: GitRef, { commit, name }: Resolved, signal: AbortSignal): Promise<Tree> {
    const { facts, layers } = this.#parts;
    const { remote, submodules = true, keepGitDir = false } = ref;
    const asked = JSON.stringify([commit, submodules, keepGitDir ? remote : null]);
    const fact = `git:${sha256(asked)}`;
    const known = (await facts.get(fact)) as LayerId | undefined;
    if (known !== undefined && (await layers.has(known)))
      return inTurns(Tree.empty.applySteps((await layers.read(known)).entries));
    return this.#within(remote, signal, async (call) => {
      await checkOut({ remote: redacted(remote), commit, name, submodules }, call);
      const time = Number(await runGit(['log', '-1', '--format=%ct', commit], call));
      const layer = await layers.write(await checkoutEntries(call.cwd, { keepGitDir, time }), signal);
      await facts.put(fact, layer.id);
      return inTurns(Tree.empty.applySteps(layer.entries));
    });
  }

  /** In a directory that is gone afterwards. */
  async #within<T>(remote: string, signal: AbortSignal, work: (call: GitCall) => Promise<T>): Promise<T> {
    const directory = await mkdtemp(join(this.#parts.work, 'git-'));
    try {
      const cwd = join(directory, 'tree');
      await mkdir(cwd);
      return await work({ cwd, environment: await this.#environment(remote), signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof GitFailure ? fetchFailed(remote, error) : error;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Credentials are neither on a command line nor in `.git`: git gets them as settings of this one call. */
  async #environment(remote: string): Promise<GitEnvironment> {
    const { environment, authorization } = this.#parts;
    const settings = [...(environment.settings ?? [])];
    const url = redacted(remote);
    if (url !== remote) settings.push([`url.${remote}.insteadOf`, url]);
    const parsed = URL.parse(url);
    const isHttp = parsed !== null && /^https?:$/.test(parsed.protocol);
    const value = isHttp ? await authorization?.(parsed.hostname) : undefined;
    if (value !== undefined && parsed !== null)
      settings.push([`http.${parsed.origin}/.extraHeader`, `Authorization: ${value}`]);
    return { ...environment, settings };
  }
}

type Checkout = {
  readonly remote: string;
  readonly commit: string;
  readonly name: string;
  readonly submodules: boolean;
};

async function checkOut({ remote, commit, name, submodules }: Checkout, call: GitCall): Promise<void> {
  await runGit(['init', '--quiet'], call);
  await runGit(['remote', 'add', '--', 'origin', remote], call);
  await fetchCommit(commit, name, call);
  await runGit(['checkout', '--quiet', '--detach', commit, '--'], call);
  if (!submodules || !existsSync(join(call.cwd, '.gitmodules'))) return;
  await runGit(['submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1'], call);
}

/** Not every server gives a commit that is not the tip of a branch: then everything is fetched. */
async function fetchCommit(commit: string, name: string, call: GitCall): Promise<void> {
  const has = async (): Promise<boolean> =>
    runGit(['cat-file', '-e', `${commit}^{commit}`], call).then(
      () => true,
      () => false,
    );
  for (const wanted of new Set([name, commit])) {
    try {
      await runGit(['fetch', '--quiet', '--depth=1', '--no-tags', '--', 'origin', wanted], call);
      if (await has()) return;
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
    }
  }
  const all = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
  await runGit(['fetch', '--quiet', '--', 'origin', ...all], call);
  if (!(await has())) throw new GitFailure(`no branch or tag leads to the commit ${commit}`);
}

function fetchFailed(remote: string, { complaint }: GitFailure): LapidaryError {
  const lines = complaint
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-6);
  return new LapidaryError('FETCH_FAILED', `git cannot fetch ${quoted(redacted(remote))}`, {
    notes: lines.map((line) => redacted(line)),
    hint: hintFor(complaint),
  });
}

function hintFor(complaint: string): string {
  if (complaint.includes('Permission denied (')) return 'build with --ssh default, or --ssh default=KEY';
  if (complaint.includes('Host key verification failed'))
    return 'put the key of the server into ~/.ssh/known_hosts, once you know that it is the right one';
  return 'check the URL, the reference and the network; private repositories need credentials';
}
