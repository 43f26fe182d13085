/**
 * What a reference leads to, in the output of `git ls-remote`. A branch goes before a tag of the same name, as for `git
 * checkout`; of an annotated tag it is the commit that counts.
 */
export function findRef(
  listed: string,
  ref: string | undefined,
): { readonly commit: string; readonly name: string } | undefined {
  const commits = new Map<string, string>();
  for (const line of listed.split('\n')) {
    const [, commit, name] = /^([0-9a-f]{40}|[0-9a-f]{64})\t(.+)$/.exec(line) ?? [];
    if (commit !== undefined && name !== undefined) commits.set(name, commit);
  }
  const names = ref === undefined ? ['HEAD'] : [`refs/heads/${ref}`, `refs/tags/${ref}`, ref, `refs/${ref}`];
  const name = names.find((one) => commits.has(one));
  if (name === undefined) return undefined;
  const commit = commits.get(`${name}^{}`) ?? commits.get(name);
  return commit === undefined ? undefined : { commit, name };
}
