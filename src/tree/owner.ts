import { LapidaryError, quoted, suggest } from '../errors/index.ts';

/** The texts of /etc/passwd and /etc/group of an image; absent when it has none. */
export type Accounts = { readonly passwd?: string; readonly group?: string };
export type Owner = { readonly uid: number; readonly gid: number };
export type Credentials = Owner & {
  readonly groups: readonly number[];
  /** The user's directory as passwd has it, `/` where it is not listed. */
  readonly home: string;
};

type Line = { readonly name: string; readonly id: number; readonly rest: readonly string[] };

const MAX_ID = 0xffffffff;

/**
 * What `USER user[:group]` means in an image. A number need not be listed; if it is, it has the listed group.
 * Supplementary groups count only when no group is given.
 * @throws LapidaryError USER_NOT_FOUND
 */
export function resolveOwner(text: string, accounts: Accounts): Credentials {
  const [user, group] = split(text);
  const lines = parseLines(accounts.passwd);
  const uid = numberOf(user);
  const line = lines.find((one) => (uid === undefined ? one.name === user : one.id === uid));
  if (uid === undefined && line === undefined && user !== '') throw notFound('user', user, lines);
  const id = uid ?? line?.id ?? 0;
  const home = line?.rest[2] || '/';
  if (group !== undefined) return { uid: id, gid: groupId(group, accounts), groups: [], home };
  const gid = numberOf(line?.rest[0] ?? '') ?? 0;
  return { uid: id, gid, groups: line === undefined ? [] : memberships(line.name, accounts, gid), home };
}

/** What `--chown` came to, and what it would be told as an error elsewhere. */
export type ChownOwner = Owner & { readonly unknown: readonly LapidaryError[] };

/**
 * What `--chown=user[:group]` means. Without a group a number stands for both, and a name has the group it is
 * listed with. A user that is not listed is 0:0, and a group that is not has no effect: BuildKit takes both silently.
 * Source: Dockerfile reference, "COPY --chown"; BuildKit solver/llbsolver/file/user_linux.go.
 */
export function resolveChown(text: string, accounts: Accounts): ChownOwner {
  const [user, group] = split(text);
  const unknown: LapidaryError[] = [];
  const owner = attempt(() => userOwner(user, accounts), unknown) ?? { uid: 0, gid: 0 };
  const gid = group === undefined ? undefined : attempt(() => groupId(group, accounts), unknown);
  return { ...owner, ...(gid === undefined ? {} : { gid }), unknown };
}

function userOwner(user: string, accounts: Accounts): Owner {
  const number = numberOf(user);
  if (number !== undefined) return { uid: number, gid: number };
  const { uid, gid } = resolveOwner(user, accounts);
  return { uid, gid };
}

function attempt<T>(look: () => T, failed: LapidaryError[]): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    failed.push(error);
    return undefined;
  }
}

function split(text: string): [string, string | undefined] {
  const colon = text.indexOf(':');
  const group = colon < 0 ? '' : text.slice(colon + 1);
  return [colon < 0 ? text : text.slice(0, colon), group === '' ? undefined : group];
}

function numberOf(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text) || Number(text) > MAX_ID) return undefined;
  return Number(text);
}

function groupId(group: string, accounts: Accounts): number {
  const number = numberOf(group);
  if (number !== undefined) return number;
  const lines = parseLines(accounts.group);
  const line = lines.find((one) => one.name === group);
  if (line === undefined) throw notFound('group', group, lines);
  return line.id;
}

function memberships(user: string, accounts: Accounts, primary: number): number[] {
  const groups = parseLines(accounts.group).filter(({ rest }) => rest[0]?.split(',').includes(user));
  return [...new Set(groups.map(({ id }) => id))].filter((id) => id !== primary);
}

/** `name:x:id:rest…`, as in both files; lines of another form are passed over as the C library does. */
function parseLines(text = ''): Line[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , id = '', ...rest] = line.split(':');
    const number = numberOf(id);
    return name === '' || name.startsWith('#') || number === undefined ? [] : { name, id: number, rest };
  });
}

function notFound(kind: 'user' | 'group', name: string, lines: readonly Line[]): LapidaryError {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  const near = suggest(
    name,
    lines.map((line) => line.name),
  );
  const missing =
    lines.length === 0
      ? `the image has no ${file}: use a number`
      : 'add it in an earlier step, or use a number';
  return new LapidaryError('USER_NOT_FOUND', `there is no ${kind} ${quoted(name)} in ${file} of the image`, {
    hint: near === undefined ? missing : `did you mean ${near}?`,
  });
}
