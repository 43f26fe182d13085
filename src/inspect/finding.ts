import type { Filesystem } from '../elf/index.ts';
import type { ContainerConfig, Platform } from '../oci/index.ts';
import type { Setting } from '../plan/index.ts';

/** An image as it would be started: its configuration, and the merged tree of its layers. */
export type ImageView = {
  readonly config: ContainerConfig;
  readonly platform: Platform;
  readonly filesystem: Filesystem;
};

/**
 * What preflight looks for, by names that are stable and described in docs/preflight.md. `certain`: the image does not
 * start, or is never healthy; what is no more than likely to be missed does not fail a build. `runtime` is what somebody
 * would see otherwise.
 */
export const PREFLIGHT_RULES = {
  CommandNotFound: {
    certain: true,
    runtime: 'no such file or directory; executable file not found in $PATH',
  },
  CommandNotAFile: { certain: true, runtime: 'permission denied; is a directory' },
  CommandNotExecutable: { certain: true, runtime: 'permission denied' },
  CommandNotAProgram: { certain: true, runtime: 'exec format error' },
  CommandOtherArchitecture: { certain: true, runtime: 'exec format error' },
  InterpreterNotFound: { certain: true, runtime: 'no such file or directory, though the program is there' },
  LibraryNotFound: { certain: true, runtime: 'error while loading shared libraries' },
  ShellNotFound: { certain: true, runtime: '/bin/sh: no such file or directory' },
  BrokenListForm: { certain: true, runtime: 'sh: ["/app",: not found' },
  UserNotFound: { certain: true, runtime: 'unable to find user: no matching entries in passwd file' },
  WorkdirNotUsable: { certain: true, runtime: 'chdir to cwd: not a directory' },
  CertificatesNotFound: { certain: false, runtime: 'certificate verify failed' },
  TimezoneNotFound: { certain: false, runtime: 'times in UTC' },
} as const;

export type PreflightRule = keyof typeof PREFLIGHT_RULES;

export type PreflightFinding = {
  readonly rule: PreflightRule;
  /** What of the configuration it is about. */
  readonly setting: Setting;
  readonly message: string;
  readonly hint?: string;
};

const INSTRUCTIONS = {
  Entrypoint: 'ENTRYPOINT',
  Cmd: 'CMD',
  Healthcheck: 'HEALTHCHECK',
  User: 'USER',
  WorkingDir: 'WORKDIR',
} as const;

/** A part of the configuration by the name of its instruction. */
export function instructionOf(setting: Setting): string {
  return setting in INSTRUCTIONS ? INSTRUCTIONS[setting as keyof typeof INSTRUCTIONS] : 'ENV';
}
