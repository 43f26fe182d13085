import type { YamlDocument } from '../yaml-document.ts';

/** Where a locked dependency comes from. */
export type Locked = {
  readonly name: string;
  readonly path?: string;
  /** URL of a repository, of whatever kind. */
  readonly url?: string;
};

/** Names of hosts behind which shards looks for `github: owner/name` and its like. */
const HOSTS: Readonly<Record<string, string>> = {
  github: 'https://github.com/',
  gitlab: 'https://gitlab.com/',
  bitbucket: 'https://bitbucket.com/',
  codeberg: 'https://codeberg.org/',
};

/**
 * What `shard.lock` names.
 * @see https://github.com/crystal-lang/shards/blob/master/src/lock.cr
 * @throws SourceError PROJECT_INVALID
 */
export function readShardLock({ root }: YamlDocument): readonly Locked[] {
  return root
    .get('shards')
    .entries()
    .map(([name, value]) => {
      for (const [key, source] of value.entries()) {
        const text = source.text() ?? '';
        if (key === 'path') return { name, path: text };
        if (key === 'git' || key === 'hg' || key === 'fossil') return { name, url: text };
        const host = HOSTS[key];
        if (host !== undefined) return { name, url: `${host}${text}.git` };
      }
      return { name };
    });
}

/** Whether git asks for it with a key: `git@host:path` and `ssh://`. */
export const isSsh = (url: string): boolean => /^(?:ssh|git\+ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(url);
