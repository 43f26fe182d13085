import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { messageOf } from '../errors/index.ts';
import { DEFAULT_SEARCH_PATH, findProgram } from './programs.ts';
import { errnoOf, Syscalls } from './syscalls.ts';

/** One thing that this machine has or lacks. */
export type MachineCheck = {
  /** Stable, for machines: `runtime`, `overlay`, … */
  readonly name: string;
  readonly status: 'ok' | 'missing' | 'limited';
  /** What was found, for people. */
  readonly detail: string;
  /** What it is needed for. */
  readonly need: string;
  /** How to get it; only where the status is not `ok`. */
  readonly fix?: string;
};
export type MachineReport = {
  /** Whether `RUN` steps can be executed as things are. */
  readonly canRun: boolean;
  readonly checks: readonly MachineCheck[];
};

type Finding = { readonly status: MachineCheck['status']; readonly detail: string };
type Probe = {
  readonly name: string;
  readonly need: string;
  readonly fix: string;
  /** Without it no `RUN` step can be executed. */
  readonly required?: true;
  readonly look: (searchPath: string) => Finding | Promise<Finding>;
};

const PROBES: readonly Probe[] = [
  {
    name: 'user',
    need: 'RUN: mounts, and files with owners',
    fix: 'run with sudo',
    required: true,
    look: probeUser,
  },
  {
    name: 'runtime',
    need: 'RUN: starting containers',
    fix: 'apt-get install crun',
    required: true,
    look: probeRuntime,
  },
  {
    name: 'unshare',
    need: 'RUN: namespaces',
    fix: 'apt-get install util-linux',
    required: true,
    look: (searchPath) => probeProgram('unshare', searchPath),
  },
  {
    name: 'setpriv',
    need: 'RUN: ending with the build',
    fix: 'apt-get install util-linux',
    required: true,
    look: (searchPath) => probeProgram('setpriv', searchPath),
  },
  {
    name: 'koffi',
    need: 'RUN: system calls that Node lacks',
    fix: 'reinstall lapidary for this platform',
    required: true,
    look: probeKoffi,
  },
  {
    name: 'overlay',
    need: 'RUN: stacking layers',
    fix: 'modprobe overlay',
    required: true,
    look: probeOverlay,
  },
  {
    name: 'mount-api',
    need: 'RUN: images of hundreds of layers',
    fix: 'Linux 6.7 or later',
    look: probeMountApi,
  },
  {
    name: 'user-namespaces',
    need: 'not used yet: RUN without root',
    fix: 'sysctl user.max_user_namespaces=15000',
    look: probeUserNamespaces,
  },
  {
    name: 'binfmt',
    need: 'RUN for other architectures',
    fix: 'apt-get install qemu-user-static binfmt-support',
    look: probeBinfmt,
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
    look: (searchPath) => probePresence('ssh-agent', searchPath),
  },
  {
    name: 'mmdebstrap',
    need: 'base images made from the Debian archive',
    fix: 'apt-get install mmdebstrap',
    look: (searchPath) => probeProgram('mmdebstrap', searchPath),
  },
  {
    name: 'cgroups',
    need: 'nothing: limits are not set',
    fix: 'mount cgroup2 on /sys/fs/cgroup',
    look: probeCgroups,
  },
];

/** Looks at this machine. Changes nothing, never throws for what it finds. */
export async function probeMachine(options: { readonly searchPath?: string } = {}): Promise<MachineReport> {
  const { searchPath = DEFAULT_SEARCH_PATH } = options;
  const found = await Promise.all(
    PROBES.map(async ({ name, need, fix, required, look }) => {
      const { status, detail } = await look(searchPath);
      const check: MachineCheck = { name, status, detail, need, ...(status === 'ok' ? {} : { fix }) };
      return { check, blocks: required === true && status === 'missing' };
    }),
  );
  return { canRun: !found.some(({ blocks }) => blocks), checks: found.map(({ check }) => check) };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** First line that a program prints, or why it did not. */
function firstLine(
  path: string,
  args: readonly string[],
): Promise<{ readonly ok: boolean; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: 5000, maxBuffer: 65_536, env: {} }, (error, stdout, stderr) => {
      const [text = ''] = `${stdout}${stderr}`.trim().split('\n');
      resolve({ ok: error === null, text: text || (error === null ? '' : messageOf(error)) });
    });
  });
}

async function probeProgram(name: string, searchPath: string): Promise<Finding> {
  const path = findProgram(name, searchPath);
  if (path === undefined) return { status: 'missing', detail: `${name} is not installed` };
  const { ok, text } = await firstLine(path, ['--version']);
  return { status: ok ? 'ok' : 'limited', detail: `${path}: ${text}` };
}

/** For programs that do not tell their version. */
function probePresence(name: string, searchPath: string): Finding {
  const path = findProgram(name, searchPath);
  return path === undefined
    ? { status: 'missing', detail: `${name} is not installed` }
    : { status: 'ok', detail: path };
}

function probeUser(): Finding {
  const uid = process.getuid?.() ?? -1;
  return { status: uid === 0 ? 'ok' : 'missing', detail: `uid ${uid}` };
}

async function probeRuntime(searchPath: string): Promise<Finding> {
  const crun = await probeProgram('crun', searchPath);
  return crun.status === 'missing' ? probeProgram('runc', searchPath) : crun;
}

async function probeKoffi(): Promise<Finding> {
  try {
    await Syscalls.open();
    return { status: 'ok', detail: 'loads' };
  } catch (error) {
    return { status: 'missing', detail: messageOf(error) };
  }
}

function probeOverlay(): Finding {
  if (/^nodev\toverlay$/m.test(read('/proc/filesystems')))
    return { status: 'ok', detail: 'in /proc/filesystems' };
  return { status: 'missing', detail: 'not in /proc/filesystems; it may be a module that is not loaded' };
}

async function probeMountApi(): Promise<Finding> {
  try {
    const syscalls = await Syscalls.open();
    syscalls.probeFilesystem('overlay');
    return { status: 'ok', detail: 'fsopen works' };
  } catch (error) {
    const code = errnoOf(error);
    // Without privilege the call itself is refused, which shows that it is there.
    if (code === 'EPERM') return { status: 'limited', detail: 'fsopen is there but needs root' };
    return { status: 'limited', detail: 'no fsopen: mount(2) is used, with fewer layers' };
  }
}

async function probeUserNamespaces(searchPath: string): Promise<Finding> {
  const limit = read('/proc/sys/user/max_user_namespaces').trim();
  const unshare = findProgram('unshare', searchPath);
  if (unshare === undefined) return { status: 'missing', detail: 'unshare is not installed' };
  const { ok, text } = await firstLine(unshare, ['-Ur', '/bin/true']);
  if (ok) return { status: 'ok', detail: `up to ${limit}` };
  return { status: 'missing', detail: `unshare -Ur: ${text}` };
}

function probeBinfmt(): Finding {
  if (!/^nodev\tbinfmt_misc$/m.test(read('/proc/filesystems'))) {
    return { status: 'missing', detail: 'binfmt_misc is not in /proc/filesystems' };
  }
  const handlers = names('/proc/sys/fs/binfmt_misc').filter((name) => name.startsWith('qemu-'));
  if (handlers.length === 0) return { status: 'limited', detail: 'no emulator is registered' };
  return { status: 'ok', detail: `registered: ${handlers.join(', ')}` };
}

function probeQemu(searchPath: string): Finding {
  const found = new Set(searchPath.split(':').flatMap(names));
  const architectures = ['aarch64', 'arm', 'x86_64', 'riscv64', 's390x', 'ppc64le', 'i386'];
  const usable = architectures.filter((name) => found.has(`qemu-${name}-static`));
  if (usable.length === 0) return { status: 'missing', detail: 'no qemu-*-static' };
  return { status: 'ok', detail: usable.join(', ') };
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function probeCgroups(): Finding {
  const mounts = read('/proc/self/mountinfo');
  const [v1, v2] = [/ - cgroup /.test(mounts), / - cgroup2 /.test(mounts)];
  if (v2 && !v1) return { status: 'ok', detail: 'v2' };
  return { status: 'limited', detail: v1 ? (v2 ? 'v1 and v2 (hybrid)' : 'v1') : 'none' };
}
