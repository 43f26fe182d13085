import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on a free port of the loopback interface. `requests` are those that came, oldest first. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly requests: IncomingMessage[] = [];

  private constructor(listener: RequestListener) {
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      listener(request, response);
    });
  }

  static async start(listener: RequestListener): Promise<HttpServer> {
    const server = new HttpServer(listener);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    return server;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}
