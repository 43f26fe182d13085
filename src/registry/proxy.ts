import { BlockList, isIP } from 'node:net';

/**
 * The URL of the proxy for a request, or `undefined`. Loopback addresses are never asked for through a proxy.
 * Source: Go's golang.org/x/net/http/httpproxy, which the tools of this field use.
 */
export function proxyFor(url: URL, environment: Readonly<Record<string, string>>): string | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = environment[name] || environment[name.toLowerCase()];
  if (!proxy || isLoopback(url.hostname)) return undefined;
  const excluded = environment['NO_PROXY'] || environment['no_proxy'] || '';
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const host = bare(url.hostname);
  if (excluded.split(',').some((entry) => excludes(entry.trim().toLowerCase(), host, port))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** Whether a host name or address, bracketed or not, is this machine's own loopback. */
export function isLoopback(hostname: string): boolean {
  const host = bare(hostname);
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

function excludes(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  const network = /^(.+)\/(\d{1,3})$/.exec(entry);
  if (network) return inNetwork(host, network[1] ?? '', Number(network[2]));
  const [, name = entry, onlyPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const wanted = bare(name);
  if (isIP(wanted) !== 0) return wanted === host;
  // `.example.com` is for what is below only, `example.com` for both
  const domain = wanted.replace(/^\*(?=\.)/, '');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, bits, type);
  return list.check(host, type);
}
