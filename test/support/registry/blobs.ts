import { errorReply, Violation } from './reply.ts';
import type { Storage } from './storage.ts';
import type { Exchange, RegistryOptions, Reply } from './types.ts';

/** GET, HEAD and DELETE of a blob. */
export async function answerBlob(
  { method, route, headers }: Exchange,
  storage: Storage,
  { ranges = true, deletion = true }: RegistryOptions,
): Promise<Reply> {
  const { name, reference: digest } = route;
  const blobs = storage.repositories.get(name)?.blobs;
  if (blobs?.has(digest) !== true) return errorReply(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  if (method === 'DELETE') {
    if (!deletion) return errorReply(405, 'UNSUPPORTED', 'deletion is off');
    blobs.delete(digest);
    return { status: 202 };
  }
  const size = await storage.sizeOf(digest);
  const common = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    ...(ranges ? { 'Accept-Ranges': 'bytes' } : {}),
  };
  const range = method === 'GET' && ranges ? rangeOf(headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { ...common, 'Content-Range': `bytes */${size}` } };
  }
  const { start, end } = range ?? { start: 0, end: size };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...common,
      'Content-Length': end - start,
      ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
    },
    body: { path: storage.pathOf(digest), start, end },
  };
}

function rangeOf(
  text: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  if (text === undefined) return undefined;
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(text) ?? [];
  if (from === '') throw new Violation(400, 'UNSUPPORTED', `range that is not bytes=FROM-TO: ${text}`);
  const start = Number(from);
  const end = to === '' ? size : Math.min(Number(to) + 1, size);
  return start >= size ? 'unsatisfiable' : { start, end };
}
