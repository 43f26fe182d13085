import type { IsolationMode } from './isolation.ts';

/** One limit of setrlimit(2), by docker's name for it. -1 is none. */
export type Ulimit = { readonly name: string; readonly soft: number; readonly hard: number };

/** A host name that steps know; `ip` is an address. */
export type HostEntry = { readonly name: string; readonly ip: string };

/** What cgroups enforce, for all steps of a build that run at the same time. */
export type CgroupLimits = {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes of memory and swap together; -1 is no limit. */
  readonly memorySwap?: number;
  /** Processors, such as 1.5. */
  readonly cpus?: number;
  /** Weight against others; 1024 is the usual one. */
  readonly cpuShares?: number;
  /** Lists as in cpuset(7): `0-2,4`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
};

/** How commands are executed, whichever they are: what the one who builds says of his machine. */
export type SandboxSettings = {
  /** Default: `auto`. */
  readonly isolation?: IsolationMode;
  /** Emulators that go before those in the search path, by GOARCH; absolute paths. */
  readonly emulators?: Readonly<Record<string, string>>;
  readonly hosts?: readonly HostEntry[];
  /** Name servers, search domains and options that replace those of the machine. */
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly ulimits?: readonly Ulimit[];
  /** Bytes of /dev/shm. */
  readonly shmSize?: number;
  /** Without `CAP_`; `ALL` is every one. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly noNewPrivileges?: boolean;
  /** `unconfined`, or a profile in docker's form as JSON text; absent for docker's own. */
  readonly seccomp?: string;
  readonly apparmor?: string;
  /** Nothing of /proc and /sys is masked or read-only. */
  readonly unmasked?: boolean;
  /** `/dev/x`, `/dev/x:/dev/y`, or the qualified name of a CDI device. */
  readonly devices?: readonly string[];
  readonly limits?: CgroupLimits;
  /** The cgroup in which that of the build is made. */
  readonly cgroupParent?: string;
};
