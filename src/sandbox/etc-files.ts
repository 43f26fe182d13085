import { readFileSync, writeFileSync } from 'node:fs';
import type { SpecMount } from './oci-spec.ts';
import type { RunOrder } from './protocol.ts';
import type { HostEntry, SandboxSettings } from './settings.ts';
import type { StepNetwork } from './step-network.ts';

type Machine = { readonly network: StepNetwork | undefined; readonly settings: SandboxSettings };

/** Files that say how others are reached, in the run's directory, over those of the image. */
export function etcMounts(order: RunOrder, names: readonly string[], machine: Machine): SpecMount[] {
  const contents: Readonly<Record<string, () => string>> = {
    'resolv.conf': () => resolvConf(readResolvConf(), machine),
    hosts: () => hostsFile(order.hostname, machine.settings.hosts),
    hostname: () => `${order.hostname}\n`,
  };
  const access = order.mode.type === 'foreground' ? 'rw' : 'ro';
  return names.map((name) => {
    const source = `${order.directory}/${name}`;
    writeFileSync(source, contents[name]?.() ?? '', { mode: 0o644 });
    return { destination: `/etc/${name}`, type: 'bind', source, options: ['bind', 'rprivate', access] };
  });
}

const SERVER = /^\s*nameserver\s/;
const IPV4_SERVER = /^\s*nameserver\s+\d+\.\d+\./;
const LOOPBACK = /^\s*nameserver\s+(?:127\.|::1\b|0\.0\.0\.0)/;

/**
 * As on the host, but for what the one who builds says. What passes connections on also answers for the resolver of the
 * host, the first that has an IPv4 address, and may then no longer be able to reach it by that: pasta takes its answers
 * for its own.
 */
export function resolvConf(
  text: string,
  { network, settings: { dns = [], dnsSearch = [], dnsOptions = [] } }: Machine,
): string {
  const { nameServer } = network ?? {};
  const lines = text.split('\n').filter((line) => line !== '');
  const found = lines.filter((line) => SERVER.test(line));
  const reachable = nameServer === undefined ? found : found.filter((line) => !LOOPBACK.test(line));
  const isForwarded = found.some((line) => IPV4_SERVER.test(line)) || reachable.length === 0;
  const servers = nameServer !== undefined && isForwarded ? [`nameserver ${nameServer}`] : reachable;
  const given = dns.map((ip) => `nameserver ${ip}`);
  const rest = lines.filter(
    (line) =>
      !SERVER.test(line) &&
      !(dnsSearch.length > 0 && /^\s*(?:search|domain)\s/.test(line)) &&
      !(dnsOptions.length > 0 && /^\s*options\s/.test(line)),
  );
  const all = [
    ...(given.length > 0 ? given : servers),
    ...rest,
    ...(dnsSearch.length > 0 ? [`search ${dnsSearch.join(' ')}`] : []),
    ...(dnsOptions.length > 0 ? [`options ${dnsOptions.join(' ')}`] : []),
  ];
  return all.map((line) => `${line}\n`).join('');
}

function readResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch {
    // A host without name service gives none.
    return '';
  }
}

function hostsFile(hostname: string, more: readonly HostEntry[] = []): string {
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff00::0\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    `127.0.0.1\t${hostname}`,
    ...more.map(({ name, ip }) => `${ip}\t${name}`),
    '',
  ].join('\n');
}
