import { readFileSync } from 'node:fs';

/** Why this machine, or the container that this process is in, lets nobody but root make what a sandbox consists of. */
export type Refusal = { readonly cause: string; readonly fix: string };

/** What is known to forbid it, most likely first; empty when nothing is. */
export function knownRefusals(): Refusal[] {
  const all: readonly (Refusal & { readonly holds: boolean })[] = [
    {
      holds: setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1',
      cause:
        'AppArmor takes all rights away in user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)',
      fix: 'sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns,` for node, or sudo',
    },
    {
      holds: setting('/proc/sys/kernel/unprivileged_userns_clone') === '0',
      cause: 'user namespaces are for root only (kernel.unprivileged_userns_clone=0)',
      fix: 'sysctl kernel.unprivileged_userns_clone=1, or sudo',
    },
    {
      holds: setting('/proc/sys/user/max_user_namespaces') === '0',
      cause: 'no user namespaces are allowed (user.max_user_namespaces=0)',
      fix: 'sysctl user.max_user_namespaces=15000, or sudo',
    },
    {
      holds: /^Seccomp:\s*2$/m.test(status()),
      cause: 'a seccomp filter is in force, as in a container: it may refuse unshare(2) and mount(2)',
      fix: 'start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, or with --privileged',
    },
    {
      holds: isMasked(),
      cause: '/proc is partly covered, as in a container: no other /proc can be mounted',
      fix: 'start the container with --security-opt systempaths=unconfined, or with --privileged',
    },
  ];
  return all.filter(({ holds }) => holds).map(({ cause, fix }) => ({ cause, fix }));
}

/** mount_namespaces(7): a new procfs may not show more than the one that is there. */
function isMasked(): boolean {
  return /^\S+ \S+ \S+ \S+ \/proc\/\S+ /m.test(
    read('/proc/self/mountinfo').replace(/^.* \/proc\/sys\/fs\/binfmt_misc .*$/gm, ''),
  );
}

const status = (): string => read('/proc/self/status');
const setting = (path: string): string => read(path).trim();

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
