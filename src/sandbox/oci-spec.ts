import { readFileSync } from 'node:fs';
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

const HOST_SYS: SpecMount = {
  destination: '/sys',
  type: 'none',
  source: '/sys',
  options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
};

/** A `networkNamespace` with nothing in it but its own loopback. */
export const NEW_NETWORK = 'new';

/** One process in its root filesystem. Paths of `argv` and `cwd` are inside; those of `mounts` are of the host. */
export type ContainerRequest = {
  readonly root: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly hostname: string;
  /** Path of a network namespace, `new` for one of its own, or absent for that of this process. */
  readonly networkNamespace?: string;
  /** Path of a user namespace, or absent for that of this process. */
  readonly userNamespace?: string;
  /** Whether root of the container is an ordinary user of the machine, or as little as one. */
  readonly inNamespace?: boolean;
  /** Every right that there is. */
  readonly insecure?: boolean;
  /** mount(8), where the runtime has to be helped to keep devices out of the root. */
  readonly remount?: string;
  readonly terminal: boolean;
  /** Added to the default mounts, in this order. */
  readonly mounts: readonly SpecMount[];
  /** The caller's hard limit of open files (getrlimit(2), RLIMIT_NOFILE). */
  readonly maxOpenFiles: number;
  /** Node's `process.arch`. */
  readonly arch: string;
};

const USUAL_CAPABILITIES = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };

/** All that this process may hand on: capabilities(7), by number. */
function everyCapability(): Readonly<Record<string, readonly string[]>> {
  const [, hex = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const mask = BigInt(`0x${hex}`);
  const all = CAPABILITY_NAMES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n).map(
    (name) => `CAP_${name}`,
  );
  return { bounding: all, effective: all, permitted: all, inheritable: all, ambient: all };
}

const CAPABILITY_NAMES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

type SpecDevice = {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
};

const device = (name: string, type: 'c' | 'b', [major, minor]: readonly [number, number]): SpecDevice => ({
  path: `/dev/${name}`,
  type,
  major,
  minor,
  fileMode: 0o600,
});

/** As BuildKit gives them to insecure steps: util/entitlements/security. */
const INSECURE_DEVICES: readonly SpecDevice[] = [
  device('kmsg', 'c', [1, 11]),
  device('cuse', 'c', [10, 203]),
  device('fuse', 'c', [10, 229]),
  device('kvm', 'c', [10, 232]),
  device('net/tun', 'c', [10, 200]),
  device('loop-control', 'c', [10, 237]),
  ...Array.from({ length: 8 }, (_, n) => device(`loop${n}`, 'b', [7, n])),
];

/** What every container has: runtime-spec, "Default Devices". */
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

function bindDevice(name: string): SpecMount {
  const path = `/dev/${name}`;
  return { destination: path, type: 'bind', source: path, options: ['bind', 'nosuid', 'noexec'] };
}

function withoutDevices(mount: SpecMount): SpecMount {
  return mount.destination === '/dev' ? { ...mount, options: [...mount.options, 'nodev'] } : mount;
}

function writable(mount: SpecMount): SpecMount {
  return { ...mount, options: mount.options.filter((option) => option !== 'ro') };
}

type SpecNamespace = { readonly type: string; readonly path?: string };

function namespacesOf({ networkNamespace, userNamespace }: ContainerRequest): SpecNamespace[] {
  const all: SpecNamespace[] = ['mount', 'pid', 'ipc', 'uts'].map((type) => ({ type }));
  if (networkNamespace === NEW_NETWORK) all.push({ type: 'network' });
  else if (networkNamespace !== undefined) all.push({ type: 'network', path: networkNamespace });
  if (userNamespace !== undefined) all.push({ type: 'user', path: userNamespace });
  return all;
}

/** crun mounts the root once more, without the flags that it had. */
function hooksOf({ root, remount }: ContainerRequest): Pick<RuntimeSpec, 'hooks'> {
  if (remount === undefined) return {};
  return {
    hooks: { createContainer: [{ path: remount, args: ['mount', '-o', 'remount,bind,nodev', root] }] },
  };
}

function baseMounts({
  insecure = false,
  inNamespace = false,
  networkNamespace,
  userNamespace,
}: ContainerRequest): SpecMount[] {
  // sysfs shows the network, and only root of its namespace may mount it
  const joined = userNamespace !== undefined && networkNamespace !== NEW_NETWORK;
  const foreign = joined || (inNamespace && networkNamespace === undefined);
  const mounts = foreign ? MOUNTS.map((mount) => (mount.type === 'sysfs' ? HOST_SYS : mount)) : [...MOUNTS];
  if (insecure) return mounts.map(writable);
  // Root of the machine could make the node of any device, if there were a place where it can be opened
  return inNamespace ? mounts : [...mounts.map(withoutDevices), ...DEVICES.map(bindDevice)];
}

/** https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md, the part that is written here. */
type RuntimeSpec = {
  readonly ociVersion: string;
  readonly process: Readonly<Record<string, unknown>>;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly mounts: readonly SpecMount[];
  readonly hooks?: unknown;
  readonly linux: {
    readonly namespaces: readonly SpecNamespace[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly devices?: readonly SpecDevice[];
    readonly seccomp?: LinuxSeccomp;
  };
};

/** The bundle's config.json: a container as Docker makes it, without anything that needs cgroups. */
export function runtimeSpec(request: ContainerRequest): RuntimeSpec {
  const { uid, gid, groups } = request.user;
  const { insecure = false } = request;
  const seccomp = insecure ? undefined : seccompProfile(CAPABILITIES, request.arch);
  return {
    // Nothing younger is used, and crun before 1.9 refuses any other minor version.
    ociVersion: '1.0.2',
    process: {
      terminal: request.terminal,
      user: { uid, gid, additionalGids: groups, umask: 0o022 },
      args: request.argv,
      env: request.env,
      cwd: request.cwd,
      capabilities: insecure ? everyCapability() : USUAL_CAPABILITIES,
      // Node raises its own soft limit to the hard one; programs that loop over all descriptors would suffer.
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: Math.min(1024, request.maxOpenFiles), hard: request.maxOpenFiles },
      ],
      noNewPrivileges: false,
    },
    root: { path: request.root, readonly: false },
    hostname: request.hostname,
    mounts: [...baseMounts(request), ...request.mounts],
    ...hooksOf(request),
    linux: {
      namespaces: namespacesOf(request),
      maskedPaths: insecure ? [] : MASKED,
      readonlyPaths: insecure ? [] : READ_ONLY,
      ...(insecure ? { devices: INSECURE_DEVICES } : {}),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}
