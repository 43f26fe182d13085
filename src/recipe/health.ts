import type { RecipeOptions } from './types.ts';

type Health = Pick<RecipeOptions, 'healthUrl' | 'healthCommand'>;

const URL_FORM = /^http:\/\/(?:localhost|127\.0\.0\.1)(?::(\d{1,5}))?(\/[!-~]*)?$/;

/** What `--health` says: a URL of the program itself, or a command. `undefined` when it is neither. */
export function healthOf(text: string): Health | undefined {
  if (/^[a-z]+:\/\//i.test(text)) return probeTarget(text) === undefined ? undefined : { healthUrl: text };
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.length === 0 ? undefined : { healthCommand: words };
}

/** Port and path of a health URL. */
export function probeTarget(url: string): { readonly port: number; readonly path: string } | undefined {
  const match = URL_FORM.exec(url);
  const port = Number(match?.[1] ?? 80);
  return match === null || port < 1 || port > 65_535 ? undefined : { port, path: match[2] ?? '/' };
}

/** Where the probe is in an image. */
export const PROBE_PATH = '/usr/bin/probe';

/**
 * A program in C that exits with 0 when a server on this machine answers with 2xx or 3xx in time: an image without a
 * shell has nothing else to ask with. A line each; none has a single quote or a per cent sign.
 */
export function probeSource(url: string): string[] {
  const { port, path } = probeTarget(url) ?? { port: 80, path: '/' };
  const request = `GET ${path} HTTP/1.0\\r\\nHost: localhost\\r\\nUser-Agent: probe\\r\\n\\r\\n`;
  return [
    '#include <arpa/inet.h>',
    '#include <sys/socket.h>',
    '#include <sys/time.h>',
    '#include <unistd.h>',
    `static const char request[] = "${request
      .replace(/(?<!\\)"/g, '\\"')
      .replaceAll("'", '\\047')
      .replaceAll('%', '\\045')}";`,
    'int main(void) {',
    '  char status[12], rest[512]; size_t have = 0; ssize_t got; struct timeval patience = {5, 0};',
    `  struct sockaddr_in server = {AF_INET, htons(${port}), {htonl(0x7f000001)}};`,
    '  int s = socket(AF_INET, SOCK_STREAM, 0);',
    '  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);',
    '  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);',
    '  if (connect(s, (struct sockaddr *)&server, sizeof server) != 0) return 1;',
    '  if (write(s, request, sizeof request - 1) != sizeof request - 1) return 1;',
    '  while (have < sizeof status && (got = read(s, status + have, sizeof status - have)) > 0) have += got;',
    // All of it, or the server complains of a client that has left
    '  while (read(s, rest, sizeof rest) > 0) continue;',
    '  return !(have == sizeof status && (status[9] == 50 || status[9] == 51));',
    '}',
  ];
}
