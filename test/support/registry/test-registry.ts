import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { refuse } from './authorization.ts';
import { answerBlob } from './blobs.ts';
import { Cut, FaultPlan, replyOf, tamperBody, tamperHeaders } from './faults.ts';
import { answerManifest, answerReferrers, answerTags } from './manifests.ts';
import { errorReply, json, Violation } from './reply.ts';
import { routeOf } from './route.ts';
import { Storage } from './storage.ts';
import type { Exchange, Fault, LogLine, RegistryOptions, Reply, StoredBody } from './types.ts';
import { answerUpload } from './uploads.ts';

const TAGS_PER_CATALOG = 100;

/**
 * A registry of distribution-spec v1.1.1 on a port of 127.0.0.1 that takes the specification at its word, remembers
 * every request, and misbehaves as told. A request that no careful client makes is refused, and kept in `violations`.
 */
export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`, the first part of references. */
  readonly host: string;
  readonly url: string;
  readonly storage: Storage;
  readonly log: LogLine[] = [];
  readonly violations: string[] = [];
  readonly faults: FaultPlan = new FaultPlan();
  readonly #server: Server;
  readonly #options: RegistryOptions;

  private constructor(server: Server, storage: Storage, options: RegistryOptions) {
    this.#server = server;
    this.#options = options;
    this.storage = storage;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.url = `${options.tls === undefined ? 'http' : 'https'}://${this.host}`;
    this.faults.add(...(options.faults ?? []));
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(options: RegistryOptions = {}): Promise<TestRegistry> {
    const { tls } = options;
    const server =
      tls === undefined
        ? createServer()
        : createTlsServer({
            key: tls.key,
            cert: tls.cert,
            ...(tls.clientCa !== undefined && { ca: tls.clientCa, requestCert: true }),
          });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestRegistry(server, await Storage.create(), options);
  }

  /** Requests that match, in order. `path` is a part of it. */
  requests(filter: Pick<Fault, 'method' | 'endpoint' | 'path'> = {}): readonly LogLine[] {
    return this.log.filter(
      ({ method, path, route }) =>
        (filter.method ?? method) === method &&
        (filter.endpoint ?? route.endpoint) === route.endpoint &&
        path.includes(filter.path ?? ''),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const url = new URL(path, this.url);
    const route = routeOf(method, url.pathname);
    const { headers } = request;
    const line: LogLine = { method, path, route, headers, status: 0, bytesIn: 0, bytesOut: 0 };
    this.log.push(line);
    const exchange = { method, url, route, headers, body: Readable.from(metered(request, line)) };
    try {
      await this.#respond(exchange, response, line);
    } catch (error) {
      // The other side has gone, or is to believe that this one has.
      if (error instanceof Cut) response.socket?.destroySoon();
      else response.socket?.destroy();
    }
  }

  async #respond(exchange: Exchange, response: ServerResponse, line: LogLine): Promise<void> {
    const refused = this.#violationOr(() => refuse(exchange, this.#options.auth));
    const denied = await refused;
    const fault = denied === undefined ? this.faults.take(exchange) : undefined;
    if (fault?.do === 'stall') return;
    if (fault?.do === 'drop') await this.#drop(exchange, fault.afterBytes ?? 0);
    const reply =
      denied ?? replyOf(fault, exchange) ?? (await this.#violationOr(() => this.#answer(exchange)));
    if (reply === undefined || fault?.do === 'silence') throw new Cut();
    line.status = reply.status;
    await send(reply, { fault, response, line, extra: this.#options.headers ?? {} });
  }

  /** Keeps the first bytes of the body where they belong, and leaves. */
  async #drop({ route, body }: Exchange, bytes: number): Promise<never> {
    const upload = this.storage.uploads.get(route.reference);
    if (bytes > 0 && upload !== undefined) {
      await this.storage.append(upload, Readable.from(firstBytes(body, bytes)));
    }
    throw new Error('dropped');
  }

  async #violationOr(make: () => Reply | undefined | Promise<Reply | undefined>): Promise<Reply | undefined> {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violations.push(error.message);
      return error.reply;
    }
  }

  async #answer(exchange: Exchange): Promise<Reply> {
    const { method, url, route } = exchange;
    switch (route.endpoint) {
      case 'base':
        return json({}, { headers: { 'Docker-Distribution-Api-Version': 'registry/2.0' } });
      case 'catalog':
        return json({
          repositories: [...this.storage.repositories.keys()].sort().slice(0, TAGS_PER_CATALOG),
        });
      case 'blob':
        return answerBlob(exchange, this.storage, this.#options);
      case 'upload-start':
      case 'upload':
        return answerUpload(exchange, this.storage, this.#options);
      case 'manifest':
        return answerManifest(exchange, this.storage, this.#options);
      case 'tags':
        return answerTags(exchange, this.storage, this.#options);
      case 'referrers':
        return answerReferrers(exchange, this.storage, this.#options);
      case 'unknown':
        this.violations.push(`no endpoint: ${method} ${url.pathname}`);
        return errorReply(404, 'NAME_INVALID', 'no such endpoint');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.storage[Symbol.asyncDispose]();
  }
}

type Sending = {
  readonly fault: Fault | undefined;
  readonly response: ServerResponse;
  readonly line: LogLine;
  readonly extra: Readonly<Record<string, string>>;
};

async function send(reply: Reply, { fault, response, line, extra }: Sending): Promise<void> {
  response.writeHead(reply.status, { ...extra, ...tamperHeaders(fault, reply) });
  if (reply.body === undefined || line.method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const body = tamperBody(fault, bytesOf(reply.body), gone.signal);
  let cut: Cut | undefined;
  // A body that is cut off is first sent as far as it goes.
  const untilCut = async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of body) {
        line.bytesOut += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      cut = error;
    }
  };
  await pipeline(Readable.from(untilCut()), response, { end: false });
  if (cut !== undefined) throw cut;
  response.end();
}

async function* bytesOf(body: Uint8Array | StoredBody): AsyncGenerator<Buffer> {
  if (body instanceof Uint8Array) yield Buffer.from(body);
  else if (body.end > body.start) {
    const { path, start, end } = body;
    yield* createReadStream(path, { start, end: end - 1 }) as AsyncIterable<Buffer>;
  }
}

/** Reads nothing of the request before somebody reads from it. */
async function* metered(request: IncomingMessage, line: LogLine): AsyncGenerator<Buffer> {
  for await (const chunk of request as AsyncIterable<Buffer>) {
    line.bytesIn += chunk.length;
    yield chunk;
  }
}

async function* firstBytes(body: Readable, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
