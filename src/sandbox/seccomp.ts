/** https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#seccomp */
export type LinuxSeccomp = {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SyscallRule[];
};
export type SyscallRule = {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_LT' | 'SCMP_CMP_MASKED_EQ';
  }[];
};

const EPERM = 1;
const ENOSYS = 38;

/** Node's `process.arch` → the architectures whose calls are filtered; the native one first. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  arm: ['SCMP_ARCH_ARM'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  ppc64: ['SCMP_ARCH_PPC64LE'],
};

/**
 * Calls that are allowed without a condition, by what they are about. The set is the one of Docker's default
 * profile (github.com/moby/profiles, seccomp/default.json, of 2025).
 */
const ALLOWED: Readonly<Record<string, string>> = {
  files: `access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
    fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd
    getdents getdents64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 link linkat
    _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64
    preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir
    sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee
    truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev listmount
    statmount cachestat`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  memory: `brk madvise map_shadow_stack memfd_create memfd_secret membarrier mincore mlock mlock2 mlockall mmap mmap2
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages`,
  processes: `capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 getgid getgid32
    getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32
    getrlimit get_robust_list getrusage getsid get_thread_area gettid getuid getuid32 ioprio_get ioprio_set kill
    landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64
    process_vm_readv process_vm_writev ptrace restart_syscall riscv_hwprobe rseq sched_getaffinity sched_getattr
    sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval
    sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid
    setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid
    set_thread_area set_tid_address setuid setuid32 sysinfo tgkill times tkill ugetrlimit uname uretprobe vfork wait4
    waitid waitpid`,
  signals: `rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn`,
  waiting: `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
    eventfd2 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents
    io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6
    pselect6_time64 select`,
  time: `adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64`,
  messages: `accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv
    recvfrom recvmmsg recvmmsg_time64 recvmsg semctl semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg
    sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall socketpair`,
  random: 'getrandom',
};

/** Calls allowed on some architectures only, by Node's name. */
const BY_ARCHITECTURE: Readonly<Record<string, string>> = {
  x64: 'arch_prctl modify_ldt',
  arm64: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  arm: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  ppc64: 'sync_file_range2 swapcontext',
  s390x: 's390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr',
  riscv64: 'riscv_flush_icache',
};

/** Calls allowed to those who hold a capability, and refused with EPERM to the others. */
const BY_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_SYS_ADMIN: `bpf fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare`,
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'delete_module init_module finit_module',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise',
  CAP_SYS_RAWIO: 'iopl ioperm',
  CAP_SYS_TIME: 'settimeofday stime clock_settime clock_settime64',
  CAP_SYS_TTY_CONFIG: 'vhangup',
  CAP_SYS_NICE: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  CAP_SYSLOG: 'syslog',
  CAP_BPF: 'bpf',
  CAP_PERFMON: 'perf_event_open',
};

/** Calls that nobody gets. Refused with EPERM: programs that try them know that answer from Docker. */
const REFUSED = `add_key keyctl request_key kexec_load kexec_file_load swapon swapoff pivot_root nfsservctl userfaultfd
  move_pages migrate_pages io_uring_setup io_uring_enter io_uring_register uselib ustat sysfs vm86 vm86old`;

/** Address families from 0 to 11 are allowed, and these. */
const FIRST_CHECKED_FAMILY = 12;
const FAMILIES = [
  13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
];
/** AF_ALG and AF_VSOCK, which lead out of the namespaces, and families that no program uses any more. */
const REFUSED_FAMILIES = [12, 19, 20, 23, 25, 34, 37, 38, 40];
/** personality(2): PER_LINUX, PER_LINUX32, UNAME26 with either, and asking. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
/** CLONE_NEW*: namespaces may not be made without CAP_SYS_ADMIN. */
const NAMESPACE_FLAGS = 0x7e020000;

function words(text: string): string[] {
  return text.split(/\s+/);
}

type Condition = Omit<NonNullable<SyscallRule['args']>[number], 'index'>;

function allowIf(name: string, condition: Condition, index = 0): SyscallRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [{ index, ...condition }] };
}

function socketRules(): SyscallRule[] {
  return [
    allowIf('socket', { value: FIRST_CHECKED_FAMILY, op: 'SCMP_CMP_LT' }),
    ...FAMILIES.map((value) => allowIf('socket', { value, op: 'SCMP_CMP_EQ' })),
    ...REFUSED_FAMILIES.map((value): SyscallRule => {
      const args = [{ index: 0, value, op: 'SCMP_CMP_EQ' }] as const;
      return { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM, args };
    }),
  ];
}

/**
 * Docker's default filter for a process with these capabilities. `arch` is Node's `process.arch`; `undefined`
 * for one that has no filter.
 *
 * It differs from Docker's in one thing: a call that the profile does not know gets ENOSYS, not EPERM. A C library
 * falls back to an older call on ENOSYS only, and profiles are always older than some image.
 */
export function seccompProfile(capabilities: readonly string[], arch: string): LinuxSeccomp | undefined {
  const architectures = ARCHITECTURES[arch];
  if (architectures === undefined) return undefined;
  const held = new Set(capabilities);
  const allowed = new Set(
    [...Object.values(ALLOWED), BY_ARCHITECTURE[arch] ?? ''].flatMap(words).filter(Boolean),
  );
  const refused = new Set(words(REFUSED));
  for (const [capability, names] of Object.entries(BY_CAPABILITY)) {
    for (const name of words(names)) (held.has(capability) ? allowed : refused).add(name);
  }
  for (const name of allowed) refused.delete(name);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    architectures,
    syscalls: [
      { names: [...allowed], action: 'SCMP_ACT_ALLOW' },
      { names: [...refused], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      ...socketRules(),
      ...PERSONALITIES.map((value) => allowIf('personality', { value, op: 'SCMP_CMP_EQ' })),
      ...cloneRules(held.has('CAP_SYS_ADMIN'), arch),
    ],
  };
}

function cloneRules(admin: boolean, arch: string): SyscallRule[] {
  if (admin) return [{ names: ['clone', 'clone3'], action: 'SCMP_ACT_ALLOW' }];
  const flagsArgument = arch === 's390x' ? 1 : 0;
  return [
    allowIf('clone', { value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }, flagsArgument),
    // Its flags are in memory, where a filter cannot look: C libraries then use clone.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}
