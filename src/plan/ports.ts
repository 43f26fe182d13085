const PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

/** `EXPOSE` of one port or range. `protocol` is as written; `host` says that an address or a port of the host stands in front. */
export type ExposedPort = {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
  readonly host: boolean;
};

/**
 * `[[ip:]hostPort:]port[-port][/protocol]`; `undefined` when it is none. What stands in front of the port has no meaning
 * in an image, but has to be well formed.
 * Source: BuildKit, convert_expose.go.
 */
export function parsePort(text: string): ExposedPort | undefined {
  const parts = text.split(':');
  const [port = '', ...rest] = (parts.at(-1) ?? '').split('/');
  const protocol = rest.length === 0 || rest.join('/') === '' ? 'tcp' : rest.join('/');
  const range = parseRange(port);
  if (range === undefined || !PROTOCOLS.has(protocol.toLowerCase())) return undefined;
  const host = parts.length > 1;
  if (host && !isHost(parts.slice(0, -1), range)) return undefined;
  return { first: range[0], last: range[1], protocol, host };
}

type Range = readonly [number, number];

function parseRange(text: string): Range | undefined {
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return from === '' || last < first || last > 65_535 ? undefined : [first, last];
}

function isHost(parts: readonly string[], [first, last]: Range): boolean {
  const ip = parts.slice(0, -1).join(':');
  if (ip !== '' && !isAddress(ip)) return false;
  const port = parts.at(-1) ?? '';
  if (port === '') return true;
  const range = parseRange(port);
  return range !== undefined && (range[1] - range[0] === last - first || first === last);
}

function isAddress(text: string): boolean {
  const v4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
  if (v4.test(text)) return text.split('.').every((part) => Number(part) <= 255);
  return /^\[[0-9a-f:.]*:[0-9a-f:.]*\]$|^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text);
}
