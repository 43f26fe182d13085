import { isIP } from 'node:net';
import type { SandboxSettings } from '../build/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { CAPABILITY_NAMES, ULIMIT_NAMES } from '../oci/index.ts';
import type { Flags, OptionSpec } from './command.ts';
import { EMULATOR_OPTION, readEmulators } from './emulator-flags.ts';
import type { Io } from './io.ts';
import { oneOf } from './one-of.ts';
import { readFlagFile, readNumber } from './read-input.ts';

const ISOLATION = ['auto', 'none', 'user-namespace', 'root'] as const;

/** Flags of the commands that execute something in an image. */
export const SANDBOX_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--isolation MODE',
    help: 'How commands are executed: auto (default; the most that this user may), root, user-namespace, or none (a command is an error)',
  },
  EMULATOR_OPTION,
  { flags: '--add-host HOST:IP', help: 'Host name for commands, in their /etc/hosts', repeat: true },
  { flags: '--dns IP', help: 'Name server for commands', repeat: true },
  { flags: '--dns-search DOMAIN', help: 'Search domain for commands', repeat: true },
  { flags: '--dns-option OPTION', help: 'Option of the resolver for commands', repeat: true },
  { flags: '--ulimit NAME=SOFT[:HARD]', help: 'Limit of setrlimit(2): nofile, nproc, …', repeat: true },
  { flags: '--shm-size BYTES', help: 'Size of /dev/shm (default: 64m)' },
  { flags: '--cap-add CAPABILITY', help: 'Give commands a capability, or ALL', repeat: true },
  { flags: '--cap-drop CAPABILITY', help: 'Take a capability from commands, or ALL', repeat: true },
  {
    flags: '--security-opt SPEC',
    help: 'no-new-privileges, seccomp=FILE, seccomp=unconfined, apparmor=PROFILE or systempaths=unconfined',
    repeat: true,
  },
  {
    flags: '--device DEVICE',
    help: 'Give commands a device: /dev/NAME[:/dev/NAME], or a CDI device VENDOR/CLASS=NAME',
    repeat: true,
  },
  { flags: '-m, --memory BYTES', help: 'Limit of memory for commands that run at the same time' },
  { flags: '--memory-swap BYTES', help: 'Limit of memory and swap together; -1 is none' },
  { flags: '--cpus N', help: 'Limit of processors for commands that run at the same time: 1.5' },
  { flags: '-c, --cpu-shares N', help: 'Weight of commands against other processes (default: 1024)' },
  { flags: '--cpuset-cpus LIST', help: 'Processors for commands: 0-2,4' },
  { flags: '--cpuset-mems LIST', help: 'Memory nodes for commands: 0,1' },
  { flags: '--cgroup-parent NAME', help: 'The cgroup in which that of the commands is made' },
];

/** @throws LapidaryError USAGE, UNSUPPORTED */
export async function readSandbox(flags: Flags, io: Io): Promise<{ readonly sandbox: SandboxSettings }> {
  const cgroupParent = flags.text('cgroup-parent');
  const shmSize = flags.text('shm-size');
  const limits = readLimits(flags);
  return {
    sandbox: {
      isolation: oneOf('--isolation', flags.text('isolation') ?? 'auto', ISOLATION),
      ...readEmulators(flags.list('emulator'), io.cwd),
      ...some('hosts', flags.list('add-host').map(readHost)),
      ...some('dns', flags.list('dns').map(readAddress)),
      ...some(
        'dnsSearch',
        flags.list('dns-search').map((text) => readWord('--dns-search', text)),
      ),
      ...some(
        'dnsOptions',
        flags.list('dns-option').map((text) => readWord('--dns-option', text)),
      ),
      ...some('ulimits', flags.list('ulimit').map(readUlimit)),
      ...(shmSize === undefined ? {} : { shmSize: readSize('--shm-size', shmSize) }),
      ...some(
        'capAdd',
        flags.list('cap-add').flatMap((text) => readCapabilities('--cap-add', text)),
      ),
      ...some(
        'capDrop',
        flags.list('cap-drop').flatMap((text) => readCapabilities('--cap-drop', text)),
      ),
      ...(await readSecurity(flags.list('security-opt'), io)),
      ...some('devices', flags.list('device')),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
      ...(cgroupParent === undefined ? {} : { cgroupParent }),
    },
  };
}

function some<K extends string, T>(name: K, list: readonly T[]): { readonly [k in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [name]: list } as { readonly [k in K]?: readonly T[] });
}

function usage(flag: string, text: string, hint: string): LapidaryError {
  return new LapidaryError('USAGE', `${flag} is not understood: ${quoted(text)}`, { hint });
}

type Hosts = NonNullable<SandboxSettings['hosts']>[number];

function readHost(text: string): Hosts {
  const [, name = '', bare = ''] = /^([\w.-]+)[:=](.+)$/.exec(text) ?? [];
  const ip = bare.replace(/^\[(.*)\]$/, '$1');
  if (ip === 'host-gateway') {
    throw new LapidaryError('UNSUPPORTED', '--add-host: steps have no way to this machine: host-gateway', {
      hint: 'use --network host --allow network.host and the address 127.0.0.1',
    });
  }
  if (isIP(ip) === 0) throw usage('--add-host', text, 'expected HOST:ADDRESS');
  return { name, ip };
}

function readAddress(text: string): string {
  if (isIP(text) === 0) throw usage('--dns', text, 'expected an address');
  return text;
}

function readWord(flag: string, text: string): string {
  if (!/^[\w.:-]+$/.test(text)) throw usage(flag, text, 'expected one word');
  return text;
}

/** `-1` is no limit. Source: docker's units.ParseUlimit. */
function readUlimit(text: string): NonNullable<SandboxSettings['ulimits']>[number] {
  const [, name = '', soft = '', hard = soft] =
    /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text) ?? [];
  if (!ULIMIT_NAMES.includes(name)) {
    const near = suggest(text.split('=')[0] ?? '', ULIMIT_NAMES);
    throw usage('--ulimit', text, near === undefined ? 'expected NAME=SOFT[:HARD]' : `did you mean ${near}?`);
  }
  const limit = { name, soft: Number(soft), hard: Number(hard) };
  if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard))
    throw usage('--ulimit', text, 'the soft limit is above the hard one');
  return limit;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Source: docker's units.RAMInBytes. */
function readSize(flag: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?(b|[kmgt]?)i?b?$/i.exec(text) ?? [];
  const size = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
  if (number === '' || size < 1 || !Number.isSafeInteger(size)) throw usage(flag, text, 'expected 512m, 2g');
  return size;
}

function readCapabilities(flag: string, text: string): string[] {
  return text.split(',').map((one) => {
    const name = one.toUpperCase().replace(/^CAP_/, '');
    if (name === 'ALL' || CAPABILITY_NAMES.includes(name)) return name;
    const near = suggest(name, CAPABILITY_NAMES);
    throw usage(flag, one, near === undefined ? 'see capabilities(7)' : `did you mean ${near}?`);
  });
}

type Security = Pick<SandboxSettings, 'noNewPrivileges' | 'seccomp' | 'apparmor' | 'unmasked'>;

async function readSecurity(list: readonly string[], io: Io): Promise<Security> {
  let security: Security = {};
  for (const text of list) security = { ...security, ...(await readOption(text, io)) };
  return security;
}

async function readOption(text: string, io: Io): Promise<Security> {
  const [, name = '', value = ''] = /^([a-z-]+)(?:[=:](.*))?$/.exec(text) ?? [];
  if (name === 'no-new-privileges' && /^(true|false|)$/.test(value))
    return { noNewPrivileges: value !== 'false' };
  if (name === 'seccomp' && value === 'builtin') return {};
  if (name === 'seccomp' && value === 'unconfined') return { seccomp: value };
  if (name === 'seccomp' && value !== '')
    return { seccomp: await readFlagFile(io, { flag: '--security-opt', path: value }) };
  if (name === 'apparmor' && value !== '') return { apparmor: value };
  if (name === 'systempaths' && value === 'unconfined') return { unmasked: true };
  if (name === 'label') {
    throw new LapidaryError('UNSUPPORTED', `--security-opt: no SELinux labels are set: ${quoted(text)}`, {
      hint: 'leave it out',
    });
  }
  throw usage(
    '--security-opt',
    text,
    'expected no-new-privileges, seccomp=…, apparmor=… or systempaths=unconfined',
  );
}

type Limits = NonNullable<SandboxSettings['limits']>;

function readLimits(flags: Flags): Limits {
  const [memory, swap, cpus] = [flags.text('memory'), flags.text('memory-swap'), flags.text('cpus')];
  const [shares, cpuset, mems] = [
    flags.text('cpu-shares'),
    flags.text('cpuset-cpus'),
    flags.text('cpuset-mems'),
  ];
  const limits: Limits = {
    ...(memory === undefined ? {} : { memory: readSize('--memory', memory) }),
    ...(swap === undefined ? {} : { memorySwap: swap === '-1' ? -1 : readSize('--memory-swap', swap) }),
    ...(cpus === undefined ? {} : { cpus: readCpus(cpus) }),
    ...(shares === undefined
      ? {}
      : { cpuShares: readNumber(shares, { name: '--cpu-shares', least: 2, greatest: 262_144 }) }),
    ...(cpuset === undefined ? {} : { cpusetCpus: readSet('--cpuset-cpus', cpuset) }),
    ...(mems === undefined ? {} : { cpusetMems: readSet('--cpuset-mems', mems) }),
  };
  if (limits.memorySwap !== undefined && limits.memorySwap !== -1) {
    if (limits.memory === undefined) throw usage('--memory-swap', swap ?? '', 'it needs --memory');
    if (limits.memorySwap < limits.memory)
      throw usage('--memory-swap', swap ?? '', 'it is less than --memory');
  }
  return limits;
}

function readCpus(text: string): number {
  const cpus = /^\d{1,5}(?:\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (cpus < 0.01) throw usage('--cpus', text, 'expected a number such as 1.5');
  return cpus;
}

function readSet(flag: string, text: string): string {
  if (!/^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/.test(text))
    throw usage(flag, text, 'expected a list such as 0-2,4');
  return text;
}
