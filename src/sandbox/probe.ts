import { messageOf } from '../errors/index.ts';
import { chooseIsolation, type Isolation } from './isolation.ts';
import { KERNEL_PROBES } from './probe-kernel.ts';
import { PRIVILEGE_PROBES } from './probe-privilege.ts';
import { PROGRAM_PROBES } from './probe-programs.ts';
import { storeProbe } from './probe-store.ts';
import { DEFAULT_SEARCH_PATH } from './programs.ts';

/** One thing that this machine has or lacks. */
export type MachineCheck = {
  /** Stable, for machines: `runtime`, `overlay`, … */
  readonly name: string;
  readonly status: 'ok' | 'missing' | 'limited';
  /** What was found, for people. */
  readonly detail: string;
  /** What it is needed for, and what its lack prevents. */
  readonly need: string;
  /** How to get it; only where the status is not `ok`. */
  readonly fix?: string;
};
export type MachineReport = {
  /** Whether `RUN` steps can be executed as things are. */
  readonly canRun: boolean;
  /** What they are executed with; `none` where they cannot be. */
  readonly isolation: 'none' | 'user-namespace' | 'root';
  readonly checks: readonly MachineCheck[];
};

/** What is looked at, and from where. */
export type ProbeSite = {
  readonly searchPath: string;
  /** What this user's commands would be executed with, if everything else is there. */
  readonly isolation: Isolation;
};
/** `fix` goes before the one of the probe. */
export type Finding = {
  readonly status: MachineCheck['status'];
  readonly detail: string;
  readonly fix?: string;
};
export type Probe = {
  readonly name: string;
  readonly need: string;
  readonly fix: string;
  /** Without it no `RUN` step can be executed: always, or in a build of one kind. */
  readonly required?: true | Isolation['type'];
  readonly look: (site: ProbeSite) => Finding | Promise<Finding>;
};

/** A look that fails is a finding too: a directory that cannot be written, a file that cannot be read. */
async function looked(look: Probe['look'], site: ProbeSite): Promise<Finding> {
  try {
    return await look(site);
  } catch (error) {
    const fix = 'see to what it says, and ask again';
    return { status: 'limited', detail: `cannot be found out: ${messageOf(error)}`, fix };
  }
}

/** Looks at this machine. Leaves nothing behind, never throws for what it finds. `store` is the store's root. */
export async function probeMachine(
  options: { readonly searchPath?: string; readonly store?: string } = {},
): Promise<MachineReport> {
  const { searchPath = DEFAULT_SEARCH_PATH, store } = options;
  const site = { searchPath, isolation: chooseIsolation('auto', searchPath) };
  const all = [
    ...PRIVILEGE_PROBES,
    ...KERNEL_PROBES,
    ...PROGRAM_PROBES,
    ...(store === undefined ? [] : [storeProbe(store)]),
  ];
  const found = await Promise.all(
    all.map(async ({ name, need, fix, required, look }) => {
      const { status, detail, fix: better = fix } = await looked(look, site);
      const check: MachineCheck = { name, status, detail, need, ...(status === 'ok' ? {} : { fix: better }) };
      const counts = required === true || required === site.isolation.type;
      return { check, blocks: counts && status === 'missing' };
    }),
  );
  const canRun = !found.some(({ blocks }) => blocks);
  return {
    canRun,
    isolation: canRun ? site.isolation.type : 'none',
    checks: found.map(({ check }) => check),
  };
}
