import { dirname } from 'node:path';
import type { Emulators } from './emulation.ts';
import { mapsOfProcess } from './id-maps.ts';
import { type ContainerRequest, NEW_NETWORK } from './oci-spec.ts';
import { requireProgram } from './programs.ts';
import type { RunOrder, RuntimeProgram } from './protocol.ts';
import type { StepNetwork } from './step-network.ts';
import type { Syscalls } from './syscalls.ts';

export type NamespaceContext = {
  readonly syscalls: Pick<Syscalls, 'inNamespace'>;
  readonly runtime: RuntimeProgram;
  readonly searchPath: string;
  readonly emulators: Pick<Emulators, 'namespaces'>;
};
type Namespaces = Pick<
  ContainerRequest,
  'inNamespace' | 'remount' | 'userNamespace' | 'userMaps' | 'networkNamespace' | 'before'
>;

/** The namespaces of a step: emulated ones of root have a user namespace of their own, in which they are as little as a user. */
export function stepNamespaces(
  order: Pick<RunOrder, 'emulated' | 'insecure' | 'network'>,
  context: NamespaceContext,
  network: StepNetwork | undefined,
): Namespaces {
  const path = order.network === 'none' ? NEW_NETWORK : network?.path;
  const networked = path === undefined ? {} : { networkNamespace: path };
  const { namespaces } = context.emulators;
  if (order.emulated !== true || namespaces === undefined) {
    return { inNamespace: context.syscalls.inNamespace, ...remountProgram(order, context), ...networked };
  }
  const joined = { inNamespace: true, userNamespace: `${namespaces}/user` };
  if (context.runtime.name === 'crun') return { ...joined, ...networked };
  // runc does not look what the IDs are, and is too little for the network once it has joined
  const told = { ...joined, userMaps: mapsOfProcess(dirname(namespaces)) };
  if (path === undefined || path === NEW_NETWORK) return { ...told, ...networked };
  const hint = 'install it: apt-get install util-linux';
  const nsenter = requireProgram('nsenter', { searchPath: context.searchPath, hint });
  return { ...told, before: [nsenter, `--net=${path}`, '--'] };
}

function remountProgram(
  { insecure = false }: Pick<RunOrder, 'insecure'>,
  { runtime, syscalls, searchPath }: NamespaceContext,
): Pick<ContainerRequest, 'remount'> {
  if (insecure || syscalls.inNamespace || runtime.name !== 'crun') return {};
  return { remount: requireProgram('mount', { searchPath, hint: 'install it: apt-get install mount' }) };
}
