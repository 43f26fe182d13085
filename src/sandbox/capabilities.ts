import { readFileSync } from 'node:fs';
import { CAPABILITY_NAMES } from '../oci/index.ts';
import type { SandboxSettings } from './settings.ts';

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

/** All that this process may hand on: capabilities(7), by number. */
export function heldCapabilities(): string[] {
  const [, hex = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const mask = BigInt(`0x${hex}`);
  return CAPABILITY_NAMES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n).map(
    (name) => `CAP_${name}`,
  );
}

/** As docker has it: `ALL` first, single ones against it; what is dropped is not added again by `ALL`. */
export function chosenCapabilities({ capAdd = [], capDrop = [] }: SandboxSettings): readonly string[] {
  const [add, drop] = [capAdd, capDrop].map((names) => new Set(names.map((name) => `CAP_${name}`)));
  if (add === undefined || drop === undefined || add.size + drop.size === 0) return CAPABILITIES;
  const all = add.has('CAP_ALL');
  const base = all ? heldCapabilities() : drop.has('CAP_ALL') ? [] : CAPABILITIES;
  const kept = base.filter((name) => !drop.has(name));
  return [...new Set([...kept, ...[...add].filter((name) => name !== 'CAP_ALL')])];
}
