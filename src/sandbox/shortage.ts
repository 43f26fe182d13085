/** Why a user has one ID only in the namespaces that he makes, and what to do about it. */
export const SHORTAGES = {
  'no-ranges':
    'give this user ranges in /etc/subuid and /etc/subgid: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER',
  'no-programs': 'install newuidmap and newgidmap: apt-get install uidmap',
  'no-new-privileges':
    'this process may gain no privileges (no_new_privs), so newuidmap cannot help it: start it without',
} as const;

export type Shortage = keyof typeof SHORTAGES;
