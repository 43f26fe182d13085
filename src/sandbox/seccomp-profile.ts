import { release } from 'node:os';
import * as v from 'valibot';
import { LapidaryError, messageOf } from '../errors/index.ts';
import type { LinuxSeccomp, SyscallRule } from './seccomp.ts';

/* A seccomp profile as docker and podman read it: github.com/moby/profiles/seccomp, `seccomp.go`. */

const Filter = v.object({
  caps: v.optional(v.array(v.string())),
  arches: v.optional(v.array(v.string())),
  minKernel: v.optional(v.string()),
});
const Rule = v.object({
  names: v.optional(v.array(v.string()), []),
  name: v.optional(v.string()),
  action: v.string(),
  errnoRet: v.optional(v.number()),
  args: v.nullish(
    v.array(
      v.object({
        index: v.number(),
        value: v.number(),
        valueTwo: v.optional(v.number()),
        op: v.string(),
      }),
    ),
  ),
  includes: v.nullish(Filter),
  excludes: v.nullish(Filter),
});
const Profile = v.object({
  defaultAction: v.string(),
  defaultErrnoRet: v.optional(v.number()),
  architectures: v.optional(v.array(v.string())),
  archMap: v.nullish(
    v.array(v.object({ architecture: v.string(), subArchitectures: v.nullish(v.array(v.string())) })),
  ),
  syscalls: v.nullish(v.array(Rule)),
});

/** Node's `process.arch` → Go's name, and the one of libseccomp. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string]>> = {
  x64: ['amd64', 'SCMP_ARCH_X86_64'],
  arm64: ['arm64', 'SCMP_ARCH_AARCH64'],
  arm: ['arm', 'SCMP_ARCH_ARM'],
  s390x: ['s390x', 'SCMP_ARCH_S390X'],
  riscv64: ['riscv64', 'SCMP_ARCH_RISCV64'],
  ppc64: ['ppc64le', 'SCMP_ARCH_PPC64LE'],
};

type Holder = { readonly capabilities: readonly string[]; readonly arch: string };

/** The filter that a profile is for a process with these capabilities. @throws LapidaryError USAGE */
export function readSeccompProfile(text: string, holder: Holder): LinuxSeccomp {
  let profile: v.InferOutput<typeof Profile>;
  try {
    profile = v.parse(Profile, JSON.parse(text));
  } catch (cause) {
    throw new LapidaryError('USAGE', `the seccomp profile cannot be used: ${messageOf(cause)}`, {
      hint: 'expected JSON as docker has it: defaultAction, archMap, syscalls',
      cause,
    });
  }
  const [, native = ''] = ARCHITECTURES[holder.arch] ?? [];
  const mapped = (profile.archMap ?? []).filter(({ architecture }) => architecture === native);
  const architectures =
    profile.architectures ??
    mapped.flatMap(({ architecture, subArchitectures }) => [architecture, ...(subArchitectures ?? [])]);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures,
    syscalls: (profile.syscalls ?? []).filter((rule) => applies(rule, holder)).map(ruleOf),
  };
}

function ruleOf({ names, name, action, errnoRet, args }: v.InferOutput<typeof Rule>): SyscallRule {
  return {
    names: name === undefined ? names : [...names, name],
    action: action as SyscallRule['action'],
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args === null || args === undefined || args.length === 0
      ? {}
      : { args: args as NonNullable<SyscallRule['args']> }),
  };
}

function applies({ includes, excludes }: v.InferOutput<typeof Rule>, holder: Holder): boolean {
  const held = new Set(holder.capabilities);
  const [arch = ''] = ARCHITECTURES[holder.arch] ?? [];
  if (excludes?.caps?.some((name) => held.has(name))) return false;
  if (excludes?.arches?.includes(arch)) return false;
  if (excludes?.minKernel !== undefined && isKernel(excludes.minKernel)) return false;
  if (includes?.caps !== undefined && !includes.caps.every((name) => held.has(name))) return false;
  if (includes?.arches !== undefined && includes.arches.length > 0 && !includes.arches.includes(arch))
    return false;
  return includes?.minKernel === undefined || isKernel(includes.minKernel);
}

/** Whether this kernel is at least that one: `4.8`. */
function isKernel(least: string): boolean {
  const [wantMajor = 0, wantMinor = 0] = least.split('.').map(Number);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}
