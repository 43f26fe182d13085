import type { Finding, Probe, ProbeSite } from './probe.ts';
import { firstLine } from './probe-tools.ts';
import { findProgram } from './programs.ts';
import { knownRefusals } from './refusal.ts';
import { SHORTAGES } from './shortage.ts';

/** What decides which rights commands can be executed with. */
export const PRIVILEGE_PROBES: readonly Probe[] = [
  {
    name: 'user',
    need: 'RUN: as root of this machine, or in a user namespace',
    fix: '',
    look: ({ isolation }) => ({
      status: 'ok',
      detail: `uid ${process.getuid?.() ?? -1}: ${isolation.type === 'root' ? 'as root' : 'in a user namespace'}`,
    }),
  },
  {
    name: 'user-namespaces',
    need: 'RUN without root',
    fix: 'sysctl user.max_user_namespaces=15000',
    required: 'user-namespace',
    look: probeUserNamespaces,
  },
  {
    name: 'subordinate-ids',
    need: 'RUN without root: files of other owners than root, which most base images have',
    fix: SHORTAGES['no-ranges'],
    look: probeRanges,
  },
  {
    name: 'newuidmap',
    need: 'RUN without root: files of other owners than root, which most base images have',
    fix: SHORTAGES['no-programs'],
    look: ({ searchPath }) => {
      const [uid, gid] = ['newuidmap', 'newgidmap'].map((name) => findProgram(name, searchPath));
      if (uid !== undefined && gid !== undefined) return { status: 'ok', detail: uid };
      return { status: 'missing', detail: 'newuidmap and newgidmap are not installed' };
    },
  },
];

/** Tries it: what forbids it is found in many places, and some of them cannot be read. */
async function probeUserNamespaces({ searchPath }: ProbeSite): Promise<Finding> {
  const unshare = findProgram('unshare', searchPath);
  if (unshare === undefined) return { status: 'missing', detail: 'unshare is not installed' };
  const flags = ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--mount-proc'];
  const { ok, text } = await firstLine(unshare, [...flags, '/bin/sh', '-c', 'true']);
  if (ok) return { status: 'ok', detail: 'with mounts of their own' };
  const [refusal] = knownRefusals();
  if (refusal === undefined) return { status: 'missing', detail: text };
  return { status: 'missing', detail: `${refusal.cause} (${text})`, fix: refusal.fix };
}

function probeRanges({ isolation }: ProbeSite): Finding {
  if (isolation.type === 'root') return { status: 'ok', detail: 'not needed: root has every ID' };
  const { maps, shortage } = isolation;
  const [uids, gids] = [maps.uids, maps.gids].map((map) => map.reduce((sum, { count }) => sum + count, 0));
  const detail = `${uids} user and ${gids} group IDs`;
  if (shortage !== undefined) return { status: 'limited', detail, fix: SHORTAGES[shortage] };
  return { status: Math.min(uids ?? 0, gids ?? 0) > 65_535 ? 'ok' : 'limited', detail };
}
