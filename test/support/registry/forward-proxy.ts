import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isUser } from './authorization.ts';

/** A request as the proxy saw it: `CONNECT host:port`, or `GET http://host:port/path`. */
export type ProxyLine = { readonly what: string; readonly status: number };

export type ForwardProxyOptions = {
  /** One of them must be named in `Proxy-Authorization`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Where names lead that only this proxy knows: `registry.test:443` to `127.0.0.1:PORT`. */
  readonly names?: Readonly<Record<string, string>>;
};

/** An HTTP proxy on a port of 127.0.0.1: tunnels for TLS, requests with absolute URLs for the rest. */
export class ForwardProxy implements AsyncDisposable {
  readonly host: string;
  readonly log: ProxyLine[] = [];
  readonly #server: Server;
  readonly #options: ForwardProxyOptions;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(server: Server, options: ForwardProxyOptions) {
    this.#server = server;
    this.#options = options;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, response) => this.#forward(incoming, response));
    server.on('connect', (incoming: IncomingMessage, socket: Duplex) => this.#tunnel(incoming, socket));
  }

  static async start(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForwardProxy(server, options);
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    const { users } = this.#options;
    if (users === undefined) return true;
    const [scheme, credentials = ''] = (headers['proxy-authorization'] ?? '').split(' ');
    return scheme === 'Basic' && isUser(credentials, users);
  }

  #resolve(host: string): string {
    return this.#options.names?.[host] ?? host;
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = incoming;
    const allowed = this.#isAllowed(incoming);
    this.log.push({ what: `${method} ${url}`, status: allowed ? 200 : 407 });
    if (!allowed) {
      response.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="proxy"' }).end();
      return;
    }
    const { 'proxy-authorization': _, 'proxy-connection': __, ...passed } = headers;
    const target = new URL(url);
    target.host = this.#resolve(`${target.hostname}:${target.port === '' ? 80 : target.port}`);
    const outgoing = request(target, { method, headers: passed, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  }

  #tunnel(incoming: IncomingMessage, client: Duplex): void {
    const { url = '' } = incoming;
    const allowed = this.#isAllowed(incoming);
    this.log.push({ what: `CONNECT ${url}`, status: allowed ? 200 : 407 });
    if (!allowed) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${this.#resolve(url)}`);
    const server = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    this.#sockets.add(server);
    for (const side of [server, client]) {
      side.on('error', () => {
        server.destroy();
        client.destroy();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.resolve();
  }
}
