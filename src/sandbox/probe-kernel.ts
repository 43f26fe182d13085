import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { messageOf } from '../errors/index.ts';
import type { Finding, Probe, ProbeSite } from './probe.ts';
import { firstLine, namesIn, readText } from './probe-tools.ts';
import { findProgram } from './programs.ts';
import { tunTrouble } from './step-network.ts';
import { errnoOf, Syscalls } from './syscalls.ts';

/** What the kernel gives. */
export const KERNEL_PROBES: readonly Probe[] = [
  {
    name: 'kernel',
    need: 'RUN without root: Linux 5.11',
    fix: 'a newer kernel, or sudo',
    required: 'user-namespace',
    look: () => {
      const [major = 0, minor = 0] = release().split('.').map(Number);
      const status = major > 5 || (major === 5 && minor >= 11) ? 'ok' : 'missing';
      return { status, detail: release() };
    },
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
    name: 'tun',
    need: 'RUN: a network from which services of this machine cannot be reached',
    fix: 'modprobe tun; for a container: --device /dev/net/tun',
    look: () => {
      const trouble = tunTrouble(process.getuid?.() === 0);
      if (trouble === undefined) return { status: 'ok', detail: '/dev/net/tun' };
      return { status: 'missing', detail: trouble.reason, fix: trouble.fix };
    },
  },
  {
    name: 'binfmt',
    need: 'RUN for other architectures',
    fix: 'Linux 6.7 or later; before: apt-get install qemu-user-static binfmt-support',
    look: probeBinfmt,
  },
  {
    name: 'cgroups',
    need: 'limits of memory and processors',
    fix: 'cgroup v2, and a group that this user may use: loginctl enable-linger, systemd-run --user --scope -p Delegate=yes',
    look: probeCgroups,
  },
];

/** Without root it is tried: kernels and filesystems differ in what they allow. */
async function probeOverlay({ isolation, searchPath }: ProbeSite): Promise<Finding> {
  const known = /^nodev\toverlay$/m.test(readText('/proc/filesystems'));
  if (isolation.type === 'root') {
    if (known) return { status: 'ok', detail: 'in /proc/filesystems' };
    return { status: 'missing', detail: 'not in /proc/filesystems; it may be a module that is not loaded' };
  }
  const unshare = findProgram('unshare', searchPath) ?? 'unshare';
  const directory = mkdtempSync(`${tmpdir()}/lapidary-doctor-`);
  try {
    for (const name of ['lower', 'upper', 'work', 'root']) mkdirSync(`${directory}/${name}`);
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => `${directory}/${name}`);
    const options = `userxattr,lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    // What overlayfs leaves in its work directory can only be removed in there
    const script = 'mount -t overlay overlay -o "$1" "$2"; code=$?; umount "$2"; rm -rf "$3"; exit $code';
    const command = ['sh', '-c', script, 'sh', options, `${directory}/root`, work ?? ''];
    const flags = ['--user', '--map-root-user', '--mount'];
    const { ok, text } = await firstLine(unshare, [...flags, ...command]);
    if (ok) return { status: 'ok', detail: 'in a user namespace' };
    // Nothing was mounted: it is not about overlayfs
    const noNamespace = text.startsWith('unshare: ');
    return { status: 'missing', detail: text, ...(noNamespace && { fix: 'see user-namespaces' }) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function probeMountApi(): Promise<Finding> {
  try {
    const syscalls = await Syscalls.open();
    syscalls.probeFilesystem('overlay');
    return { status: 'ok', detail: 'fsopen works' };
  } catch (error) {
    const code = errnoOf(error);
    // Without privilege the call itself is refused, which shows that it is there.
    if (code === 'EPERM') return { status: 'ok', detail: 'fsopen is there' };
    const detail = code === undefined ? messageOf(error) : 'no fsopen: mount(2) is used, with fewer layers';
    return { status: 'limited', detail };
  }
}

/** An instance of its own is tried. Without one the machine's has to know the emulators. */
async function probeBinfmt({ searchPath }: ProbeSite): Promise<Finding> {
  if (!/^nodev\tbinfmt_misc$/m.test(readText('/proc/filesystems'))) {
    return { status: 'missing', detail: 'binfmt_misc is not in /proc/filesystems' };
  }
  const handlers = namesIn('/proc/sys/fs/binfmt_misc').filter((name) => name.startsWith('qemu-'));
  const registered = handlers.length === 0 ? '' : `registered: ${handlers.join(', ')}`;
  const unshare = findProgram('unshare', searchPath) ?? 'unshare';
  const mount = ['mount', '-t', 'binfmt_misc', 'binfmt_misc', '/proc/sys/fs/binfmt_misc'];
  const own = await firstLine(unshare, ['--user', '--map-root-user', '--mount', ...mount]);
  if (own.ok)
    return {
      status: 'ok',
      detail: ['each build has an instance of its own', registered].filter(Boolean).join('; '),
    };
  if (registered !== '') return { status: 'ok', detail: registered };
  return { status: 'limited', detail: 'no emulator is registered, and builds have no instance of their own' };
}

function probeCgroups(): Finding {
  const mounts = readText('/proc/self/mountinfo');
  const [v1, v2] = [/ - cgroup /.test(mounts), / - cgroup2 /.test(mounts)];
  if (v2 && !v1) return { status: 'ok', detail: 'v2' };
  return { status: 'limited', detail: v1 ? (v2 ? 'v1 and v2 (hybrid)' : 'v1') : 'none' };
}
