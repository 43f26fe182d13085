import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { errorReply, Violation } from './reply.ts';
import { IS_DIGEST, IS_NAME } from './route.ts';
import type { Storage, Upload } from './storage.ts';
import type { Exchange, RegistryOptions, Reply } from './types.ts';

/** distribution-spec v1.1.1, "Pushing blobs": monolithic, in chunks, streamed, and mounted. */
export async function answerUpload(
  exchange: Exchange,
  storage: Storage,
  options: RegistryOptions,
): Promise<Reply> {
  const { method, route } = exchange;
  if (route.endpoint === 'upload-start') return start(exchange, storage, options);
  const upload = storage.uploads.get(route.reference);
  if (upload === undefined || upload.name !== route.name) {
    return errorReply(404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown to registry');
  }
  switch (method) {
    case 'GET':
      return { status: 204, headers: progress(exchange, upload, options) };
    case 'PATCH':
      return patch(exchange, upload, { storage, options });
    case 'PUT':
      return finish(exchange, upload, { storage, options });
    default:
      await storage.abandon(route.reference);
      return { status: 204 };
  }
}

async function start(exchange: Exchange, storage: Storage, options: RegistryOptions): Promise<Reply> {
  const { url, route, headers, body } = exchange;
  const [mount, from, digest] = ['mount', 'from', 'digest'].map((key) => url.searchParams.get(key));
  if (typeof mount === 'string') {
    assertDigest(mount);
    if (typeof from === 'string' && !IS_NAME.test(from))
      throw new Violation(400, 'NAME_INVALID', `from=${from}`);
    const source = typeof from === 'string' ? storage.repositories.get(from) : undefined;
    if ((options.mount ?? true) && source?.blobs.has(mount) === true) {
      storage.repository(route.name).blobs.add(mount);
      return created(exchange, mount, options);
    }
  }
  const id = randomUUID();
  const upload = await storage.openUpload(route.name, id);
  if (typeof digest !== 'string') {
    if (Number(headers['content-length'] ?? 0) !== 0) {
      throw new Violation(400, 'BLOB_UPLOAD_INVALID', 'a body without a digest begins no upload');
    }
    return { status: 202, headers: progress(exchange, upload, options, id) };
  }
  assertDigest(digest);
  assertOctets(exchange);
  await storage.append(upload, body);
  return (await storage.commit(id, digest)) ? created(exchange, digest, options) : mismatch(digest);
}

type Place = { readonly storage: Storage; readonly options: RegistryOptions };

async function patch(exchange: Exchange, upload: Upload, { storage, options }: Place): Promise<Reply> {
  const { headers, body } = exchange;
  if (options.chunks === false) return errorReply(405, 'UNSUPPORTED', 'uploads are one PUT here');
  assertState(exchange, upload);
  assertOctets(exchange);
  const range = headers['content-range'];
  if (range !== undefined) {
    const refused = refuseRange(exchange, upload, options);
    if (refused !== undefined) return refused;
  } else if (upload.size > 0 && headers['content-length'] !== undefined) {
    throw new Violation(400, 'BLOB_UPLOAD_INVALID', 'a further chunk without Content-Range');
  }
  await storage.append(upload, body);
  return { status: 202, headers: progress(exchange, upload, options) };
}

/** A chunk begins where the last one ended, is as long as it says, and not shorter than asked for. */
function refuseRange(exchange: Exchange, upload: Upload, options: RegistryOptions): Reply | undefined {
  const range = exchange.headers['content-range'] ?? '';
  const length = exchange.headers['content-length'];
  const [, from = '', to = ''] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  if (from === '' || length === undefined) {
    throw new Violation(400, 'BLOB_UPLOAD_INVALID', `Content-Range ${range}, Content-Length ${length}`);
  }
  if (Number(to) - Number(from) + 1 !== Number(length)) {
    throw new Violation(400, 'SIZE_INVALID', `Content-Range ${range} of ${length} bytes`);
  }
  if (Number(from) === upload.size) return undefined;
  return { status: 416, headers: progress(exchange, upload, options) };
}

async function finish(exchange: Exchange, upload: Upload, { storage, options }: Place): Promise<Reply> {
  const { url, route, headers, body } = exchange;
  assertState(exchange, upload);
  const digest = url.searchParams.get('digest') ?? '';
  assertDigest(digest);
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody) assertOctets(exchange);
  await storage.append(upload, body);
  return (await storage.commit(route.reference, digest))
    ? created(exchange, digest, options)
    : mismatch(digest);
}

function progress(
  exchange: Exchange,
  upload: Upload,
  { chunkMinLength, locations }: RegistryOptions,
  id: string = exchange.route.reference,
): OutgoingHttpHeaders {
  upload.state++;
  const path = `/v2/${upload.name}/blobs/uploads/${id}?state=${upload.state}`;
  return {
    Location: locations === 'relative' ? path : `${exchange.url.origin}${path}`,
    // As every registry does: nothing is 0-0 too, though that names one byte.
    Range: `0-${Math.max(0, upload.size - 1)}`,
    'Docker-Upload-UUID': id,
    'Content-Length': 0,
    ...(chunkMinLength !== undefined && { 'OCI-Chunk-Min-Length': String(chunkMinLength) }),
  };
}

function created({ url, route }: Exchange, digest: string, { locations }: RegistryOptions): Reply {
  const path = `/v2/${route.name}/blobs/${digest}`;
  const Location = locations === 'relative' ? path : `${url.origin}${path}`;
  return { status: 201, headers: { Location, 'Docker-Content-Digest': digest, 'Content-Length': 0 } };
}

function mismatch(digest: string): Reply {
  return errorReply(400, 'DIGEST_INVALID', `provided digest did not match uploaded content: ${digest}`);
}

function assertDigest(digest: string): void {
  if (!IS_DIGEST.test(digest)) throw new Violation(400, 'DIGEST_INVALID', `digest=${digest}`);
}

/** A location is opaque and good for one request: whoever makes up one, or uses an old one, is found out. */
function assertState({ url }: Exchange, upload: Upload): void {
  const state = url.searchParams.get('state');
  if (state !== String(upload.state)) {
    throw new Violation(400, 'BLOB_UPLOAD_INVALID', `state=${state} where ${upload.state} was given last`);
  }
}

function assertOctets({ headers }: Exchange): void {
  const type = headers['content-type'];
  if (type !== 'application/octet-stream') {
    throw new Violation(415, 'BLOB_UPLOAD_INVALID', `a blob with Content-Type ${type}`);
  }
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    throw new Violation(411, 'SIZE_INVALID', 'a blob without a length');
  }
}
