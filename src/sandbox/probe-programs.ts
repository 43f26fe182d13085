import { messageOf } from '../errors/index.ts';
import type { Finding, Probe, ProbeSite } from './probe.ts';
import { namesIn, probePresence, probeProgram } from './probe-tools.ts';
import { findProgram } from './programs.ts';
import { Syscalls } from './syscalls.ts';

/** What has to be installed. */
export const PROGRAM_PROBES: readonly Probe[] = [
  {
    name: 'runtime',
    need: 'RUN: starting containers',
    fix: 'apt-get install crun',
    required: true,
    look: async ({ searchPath }) => {
      const crun = await probeProgram('crun', searchPath);
      return crun.status === 'missing' ? probeProgram('runc', searchPath) : crun;
    },
  },
  {
    name: 'unshare',
    need: 'RUN: namespaces',
    fix: 'apt-get install util-linux',
    required: true,
    look: ({ searchPath }) => probeProgram('unshare', searchPath),
  },
  {
    name: 'setpriv',
    need: 'RUN: ending with the build',
    fix: 'apt-get install util-linux',
    required: true,
    look: ({ searchPath }) => probeProgram('setpriv', searchPath),
  },
  {
    name: 'koffi',
    need: 'RUN: system calls that Node lacks',
    fix: 'reinstall lapidary for this platform',
    required: true,
    look: probeKoffi,
  },
  {
    name: 'network',
    need: 'RUN: a network from which services of this machine cannot be reached',
    fix: 'apt-get install passt',
    look: probeNetwork,
  },
  {
    name: 'qemu',
    need: 'RUN for other architectures',
    fix: 'apt-get install qemu-user-static',
    look: probeQemu,
  },
  {
    name: 'ssh-agent',
    need: 'RUN --mount=type=ssh with key files',
    fix: 'apt-get install openssh-client',
    look: ({ searchPath }) => probePresence('ssh-agent', searchPath),
  },
  {
    name: 'mmdebstrap',
    need: 'base images made from the Debian archive',
    fix: 'apt-get install mmdebstrap',
    look: ({ searchPath }) => probeProgram('mmdebstrap', searchPath),
  },
];

async function probeKoffi(): Promise<Finding> {
  try {
    await Syscalls.open();
    return { status: 'ok', detail: 'loads' };
  } catch (error) {
    return { status: 'missing', detail: messageOf(error) };
  }
}

function probeNetwork({ searchPath }: ProbeSite): Finding {
  for (const name of ['pasta', 'slirp4netns']) {
    const path = findProgram(name, searchPath);
    if (path !== undefined) return { status: 'ok', detail: path };
  }
  return { status: 'missing', detail: 'neither pasta nor slirp4netns is installed' };
}

function probeQemu({ searchPath }: ProbeSite): Finding {
  const found = new Set(searchPath.split(':').flatMap(namesIn));
  const architectures = ['aarch64', 'arm', 'x86_64', 'riscv64', 's390x', 'ppc64le', 'i386'];
  const usable = architectures.filter((name) => found.has(`qemu-${name}-static`));
  if (usable.length === 0) return { status: 'missing', detail: 'no qemu-*-static' };
  return { status: 'ok', detail: usable.join(', ') };
}
