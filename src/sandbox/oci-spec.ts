import type { RunNetwork } from '../solve/index.ts';
import { type LinuxSeccomp, seccompProfile } from './seccomp.ts';

/** What Docker gives to a container's processes. Those of other users than root lose them on exec. */
export const CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** Files of /proc and /sys that tell about, or act on, the host: as Docker masks them. */
const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export type SpecMount = {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
};

const MOUNTS: readonly SpecMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** One process in its root filesystem. Paths of `argv` and `cwd` are inside; those of `mounts` are of the host. */
export type ContainerRequest = {
  readonly root: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly hostname: string;
  readonly network: RunNetwork;
  readonly terminal: boolean;
  /** Added to the default mounts, in this order. */
  readonly mounts: readonly SpecMount[];
  /** The caller's hard limit of open files (getrlimit(2), RLIMIT_NOFILE). */
  readonly maxOpenFiles: number;
  /** Node's `process.arch`. */
  readonly arch: string;
};

/** https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md, the part that is written here. */
type RuntimeSpec = {
  readonly ociVersion: string;
  readonly process: Readonly<Record<string, unknown>>;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly mounts: readonly SpecMount[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly seccomp?: LinuxSeccomp;
  };
};

/** The bundle's config.json: a container as Docker makes it, without anything that needs cgroups. */
export function runtimeSpec(request: ContainerRequest): RuntimeSpec {
  const { uid, gid, groups } = request.user;
  const seccomp = seccompProfile(CAPABILITIES, request.arch);
  const namespaces = ['mount', 'pid', 'ipc', 'uts', ...(request.network === 'none' ? ['network'] : [])];
  return {
    // Nothing younger is used, and crun before 1.9 refuses any other minor version.
    ociVersion: '1.0.2',
    process: {
      terminal: request.terminal,
      user: { uid, gid, additionalGids: groups, umask: 0o022 },
      args: request.argv,
      env: request.env,
      cwd: request.cwd,
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      // Node raises its own soft limit to the hard one; programs that loop over all descriptors would suffer.
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: Math.min(1024, request.maxOpenFiles), hard: request.maxOpenFiles },
      ],
      noNewPrivileges: false,
    },
    root: { path: request.root, readonly: false },
    hostname: request.hostname,
    mounts: [...MOUNTS, ...request.mounts],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}
