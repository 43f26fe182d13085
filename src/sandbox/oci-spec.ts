import { chosenCapabilities, heldCapabilities } from './capabilities.ts';
import type { SpecHook } from './devices.ts';
import type { IdMaps, IdRange } from './id-maps.ts';
import { type LinuxSeccomp, seccompProfile } from './seccomp.ts';
import { readSeccompProfile } from './seccomp-profile.ts';
import type { SandboxSettings, Ulimit } from './settings.ts';

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
  /** Its IDs, for a runtime that wants to be told. */
  readonly userMaps?: Pick<IdMaps, 'uids' | 'gids'>;
  /** What the runtime is started by, for a network namespace that it cannot join by itself. */
  readonly before?: readonly string[];
  /** Whether root of the container is an ordinary user of the machine, or as little as one. */
  readonly inNamespace?: boolean;
  /** Every right that there is. */
  readonly insecure?: boolean;
  readonly settings?: SandboxSettings;
  /** Of devices. */
  readonly hooks?: Readonly<Record<string, readonly SpecHook[]>>;
  /** Whether there is a group 5, to which terminals belong; default: true. */
  readonly ttyGroup?: boolean;
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

/** As Docker: who is not root has none, not even while the program is looked for; a set-user-ID program may gain them. */
function capabilitiesOf(
  names: readonly string[],
  isRoot: boolean,
): Readonly<Record<string, readonly string[]>> {
  const held = isRoot ? names : [];
  return { bounding: names, effective: held, permitted: held };
}

/** All that this process may hand on. */
function everyCapability(): Readonly<Record<string, readonly string[]>> {
  const all = heldCapabilities();
  return { ...capabilitiesOf(all, true), inheritable: all, ambient: all };
}

/** What JSON keeps of RLIM_INFINITY, which no limit of the kernel reaches. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

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

/** As BuildKit gives them to insecure steps: util/entitlements/security. Only root of the machine can make them. */
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

function resized(mount: SpecMount, size: number): SpecMount {
  const others = mount.options.filter((option) => !option.startsWith('size='));
  return { ...mount, options: [...others, `size=${size}`] };
}

function without(mount: SpecMount, option: string): SpecMount {
  return { ...mount, options: mount.options.filter((one) => one !== option) };
}

type SpecNamespace = { readonly type: string; readonly path?: string };

function namespacesOf({ networkNamespace, userNamespace }: ContainerRequest): SpecNamespace[] {
  const all: SpecNamespace[] = ['mount', 'pid', 'ipc', 'uts'].map((type) => ({ type }));
  if (networkNamespace === NEW_NETWORK) all.push({ type: 'network' });
  else if (networkNamespace !== undefined) all.push({ type: 'network', path: networkNamespace });
  if (userNamespace !== undefined) all.push({ type: 'user', path: userNamespace });
  return all;
}

type SpecMapping = { readonly containerID: number; readonly hostID: number; readonly size: number };

const mapping = ({ inside, outside, count }: IdRange): SpecMapping => ({
  containerID: inside,
  hostID: outside,
  size: count,
});

function filterOf({ seccomp, ...settings }: SandboxSettings, arch: string): LinuxSeccomp | undefined {
  if (seccomp === 'unconfined') return undefined;
  const capabilities = chosenCapabilities(settings);
  return seccomp === undefined
    ? seccompProfile(capabilities, arch)
    : readSeccompProfile(seccomp, { capabilities, arch });
}

type SpecLimit = { readonly type: string; readonly soft: number; readonly hard: number };

/** Node raises its own soft limit to the hard one; programs that loop over all descriptors would suffer. */
function resourceLimits({ maxOpenFiles, settings = {} }: ContainerRequest): SpecLimit[] {
  const { ulimits = [] } = settings;
  const files = { type: 'RLIMIT_NOFILE', soft: Math.min(1024, maxOpenFiles), hard: maxOpenFiles };
  const given = new Map(ulimits.map((limit) => [limit.name, limitOf(limit)]));
  return [...(given.has('nofile') ? [] : [files]), ...given.values()];
}

/** RLIM_INFINITY is all ones, which this way is the nearest number that JSON keeps. */
function limitOf({ name, soft, hard }: Ulimit): SpecLimit {
  const [low, high] = [soft, hard].map((limit) => (limit === -1 ? UNLIMITED : limit));
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: low ?? 0, hard: high ?? 0 };
}

/** crun mounts the root once more, without the flags that it had. */
function hooksOf({ root, remount, hooks = {} }: ContainerRequest): Pick<RuntimeSpec, 'hooks'> {
  const own = remount === undefined ? [] : [remountHook(remount, root)];
  const createContainer = [...own, ...(hooks['createContainer'] ?? [])];
  const all = createContainer.length === 0 ? hooks : { ...hooks, createContainer };
  return Object.keys(all).length === 0 ? {} : { hooks: all };
}

/** The runtime writes the container's state to a hook and fails when nobody reads it. */
const AFTER_STATE = 'read -r _; exec "$@"';

function remountHook(path: string, root: string): SpecHook {
  return { path: '/bin/sh', args: ['sh', '-c', AFTER_STATE, 'sh', path, '-o', 'remount,bind,nodev', root] };
}

function baseMounts(request: ContainerRequest): SpecMount[] {
  const { insecure = false, inNamespace = false, networkNamespace, ttyGroup = true, settings } = request;
  // sysfs shows the network, and only root of its namespace may mount it
  const joined = request.userNamespace !== undefined && networkNamespace !== NEW_NETWORK;
  const foreign = joined || (inNamespace && networkNamespace === undefined);
  const mounts = MOUNTS.map((mount) => {
    if (mount.type === 'sysfs' && foreign) return HOST_SYS;
    if (mount.destination === '/dev/shm' && settings?.shmSize !== undefined)
      return resized(mount, settings.shmSize);
    return mount.type === 'devpts' && !ttyGroup ? without(mount, 'gid=5') : mount;
  });
  if (insecure) return mounts.map((mount) => without(mount, 'ro'));
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
  readonly hooks?: Readonly<Record<string, readonly SpecHook[]>>;
  readonly linux: {
    readonly namespaces: readonly SpecNamespace[];
    readonly uidMappings?: readonly SpecMapping[];
    readonly gidMappings?: readonly SpecMapping[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly devices?: readonly SpecDevice[];
    readonly seccomp?: LinuxSeccomp;
  };
};

/** The bundle's config.json: a container as Docker makes it, without anything that needs cgroups. */
export function runtimeSpec(request: ContainerRequest): RuntimeSpec {
  const { uid, gid, groups } = request.user;
  const { insecure = false, settings = {}, userMaps } = request;
  const capabilities = insecure ? everyCapability() : capabilitiesOf(chosenCapabilities(settings), uid === 0);
  const seccomp = insecure ? undefined : filterOf(settings, request.arch);
  const unmasked = insecure || settings.unmasked === true;
  return {
    // Nothing younger is used, and crun before 1.9 refuses any other minor version.
    ociVersion: '1.0.2',
    process: {
      terminal: request.terminal,
      user: { uid, gid, additionalGids: groups, umask: 0o022 },
      args: request.argv,
      env: request.env,
      cwd: request.cwd,
      capabilities,
      rlimits: resourceLimits(request),
      noNewPrivileges: settings.noNewPrivileges ?? false,
      ...(settings.apparmor === undefined || settings.apparmor === 'unconfined'
        ? {}
        : { apparmorProfile: settings.apparmor }),
    },
    root: { path: request.root, readonly: false },
    hostname: request.hostname,
    mounts: [...baseMounts(request), ...request.mounts],
    ...hooksOf(request),
    linux: {
      namespaces: namespacesOf(request),
      ...(userMaps === undefined
        ? {}
        : { uidMappings: userMaps.uids.map(mapping), gidMappings: userMaps.gids.map(mapping) }),
      maskedPaths: unmasked ? [] : MASKED,
      readonlyPaths: unmasked ? [] : READ_ONLY,
      ...(insecure && request.inNamespace !== true ? { devices: INSECURE_DEVICES } : {}),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}
