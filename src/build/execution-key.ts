import type { SandboxSettings } from '../sandbox/index.ts';

/**
 * The part of the key of a step that says how it is executed: what a command could see of the settings and put into its
 * result. Names of hosts count and their addresses do not, as in BuildKit; limits, resolvers and isolation say nothing of
 * what the result should be. `undefined` for the usual way, whose keys have no such part.
 */
export function executionKey(settings: SandboxSettings = {}): string | undefined {
  const { hosts = [], ulimits, shmSize, capAdd, capDrop, noNewPrivileges, seccomp, apparmor } = settings;
  const { unmasked, devices } = settings;
  const names = hosts.length === 0 ? undefined : hosts.map(({ name }) => name);
  const seen = {
    names,
    ulimits,
    shmSize,
    capAdd,
    capDrop,
    noNewPrivileges,
    seccomp,
    apparmor,
    unmasked,
    devices,
  };
  const text = JSON.stringify(seen);
  return text === '{}' ? undefined : text;
}
