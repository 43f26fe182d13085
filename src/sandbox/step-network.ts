import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { messageOf } from '../errors/index.ts';
import { ownProcesses } from './own-processes.ts';
import { descendantsOf, listProcesses, signalProcess } from './processes.ts';
import { DEFAULT_SEARCH_PATH, findProgram } from './programs.ts';
import type { Syscalls } from './syscalls.ts';

/** How steps reach others, where they are not to share the network of the machine. */
export type StepNetwork = {
  /** The network namespace, as a path. */
  readonly path: string;
  /** Answers for the resolver of the machine. */
  readonly nameServer?: string;
};
/** Why there is none. */
export type NoNetwork = { readonly reason: string; readonly fix: string };

/** A link-local address that nothing else has: queries to it go to the resolver of the machine. */
const FORWARDED_DNS = '169.254.1.1';
/** slirp4netns(1): where its own resolver is. */
const SLIRP_DNS = '10.0.2.3';
/** Nothing of the host's loopback, no ports in either direction. */
const PASTA = [
  ['--config-net', '--quiet', '--foreground', '--no-map-gw', '--dns-forward', FORWARDED_DNS],
  ['--tcp-ports', 'none', '--udp-ports', 'none', '--tcp-ns', 'none', '--udp-ns', 'none'],
].flat();
/** Lives as long as the sandbox: it reads what nobody writes. Says when it is there. */
const HOLDER = ['/bin/sh', '-c', 'echo; read -r _'];
/** The overflow ID, which owns nothing. */
const AS_NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
const TUN = '/dev/net/tun';
const MAYBE = { throwIfNoEntry: false } as const;
const READY_MS = 10_000;

/** Whether steps of a build by this user can have it. */
export function canIsolateNetwork(searchPath: string = DEFAULT_SEARCH_PATH): boolean {
  const program = findProgram('pasta', searchPath) ?? findProgram('slirp4netns', searchPath);
  return (
    program !== undefined && (process.getuid?.() === 0 ? statSync(TUN, MAYBE) !== undefined : isForUser(TUN))
  );
}

type Machine = { readonly syscalls: Syscalls; readonly searchPath: string };

/**
 * A network namespace for the steps of this sandbox, with a program beside it that passes connections on as an ordinary
 * process would make them. All of it ends with the sandbox.
 */
export async function openNetwork(machine: Machine): Promise<StepNetwork | NoNetwork> {
  const { searchPath } = machine;
  const pasta = findProgram('pasta', searchPath);
  const slirp = findProgram('slirp4netns', searchPath);
  const fix = 'apt-get install passt';
  if (pasta === undefined && slirp === undefined)
    return { reason: 'neither pasta nor slirp4netns is installed', fix };
  try {
    const trouble = openTun(machine.syscalls);
    if (trouble !== undefined) return trouble;
    return pasta === undefined ? await startSlirp(slirp ?? '', machine) : await startPasta(pasta, machine);
  } catch (error) {
    return { reason: messageOf(error), fix: 'see what it says when it is started by hand' };
  }
}

/** Makes the device that both programs need usable for them, for this mount namespace only. */
function openTun(syscalls: Syscalls): NoNetwork | undefined {
  const trouble = tunTrouble(!syscalls.inNamespace);
  if (trouble !== undefined || (statSync(TUN).mode & 0o006) === 0o006 || syscalls.inNamespace) return trouble;
  syscalls.mount({ source: 'tmpfs', target: '/dev/net', type: 'tmpfs', data: 'mode=755,size=64k' });
  syscalls.makeNode(TUN, constants.S_IFCHR | 0o666, { major: 10, minor: 200 });
  return undefined;
}

/** Why the device cannot be used. Root can make another one. */
export function tunTrouble(isRoot: boolean): NoNetwork | undefined {
  if (statSync(TUN, MAYBE) === undefined)
    return { reason: `there is no ${TUN}`, fix: 'modprobe tun; for a container: --device /dev/net/tun' };
  if (isRoot || isForUser(TUN)) return undefined;
  return { reason: `${TUN} is not for this user`, fix: `chmod 0666 ${TUN}` };
}

function isForUser(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function startPasta(pasta: string, { syscalls, searchPath }: Machine): Promise<StepNetwork> {
  const command = [pasta, ...PASTA, '--', ...HOLDER];
  const setpriv = findProgram('setpriv', searchPath) ?? 'setpriv';
  // It reads what steps send: where it could be root of the machine it is nobody
  const nobody = syscalls.inNamespace ? [] : [setpriv, ...AS_NOBODY];
  const child = start([...nobody, ...command], searchPath);
  await ready(child, 'pasta');
  const holder = [...listProcesses()].find(([, parent]) => parent === child.pid)?.[0];
  if (holder === undefined) throw new Error('pasta made no network namespace');
  return { path: `/proc/${holder}/ns/net`, nameServer: FORWARDED_DNS };
}

async function startSlirp(slirp: string, { searchPath }: Machine): Promise<StepNetwork> {
  const unshare = findProgram('unshare', searchPath) ?? 'unshare';
  const holder = start([unshare, '--net', ...HOLDER], searchPath);
  await ready(holder, 'unshare');
  const flags = ['--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=1'];
  await ready(start([slirp, ...flags, String(holder.pid), 'tap0'], searchPath), 'slirp4netns');
  return { path: `/proc/${holder.pid}/ns/net`, nameServer: SLIRP_DNS };
}

function start([program = '', ...args]: readonly string[], searchPath: string): ChildProcess {
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: searchPath },
    stdio: 'pipe',
  });
  const { pid } = child;
  if (pid !== undefined) ownProcesses.add(pid);
  child.once('exit', () => ownProcesses.delete(pid ?? 0));
  return child;
}

/** Resolves with the first thing that it writes. @throws Error with what it says when it ends before that */
async function ready(child: ChildProcess, name: string): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1000);
  });
  const timer = setTimeout(() => killAll(child), READY_MS);
  const ended = once(child, 'close').then(() => {
    throw new Error(`${name} ended: ${said.trim().split('\n').at(-1) || 'it says nothing'}`);
  });
  try {
    await Promise.race([once(child.stdout ?? child, 'data'), ended]);
    letGo(child);
  } finally {
    clearTimeout(timer);
    ended.catch(() => undefined);
  }
}

/** With the holder that it may have started, which keeps its pipes open. */
function killAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  for (const one of [...descendantsOf(pid, listProcesses()), pid]) signalProcess(one, 'SIGKILL');
}

/** It is no reason for this process to stay. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as Socket | null)?.unref();
}
