import type { Reply } from './types.ts';

/** Codes of distribution-spec v1.1.1, "Error Codes". */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED';

export function json(value: unknown, { status = 200, headers = {} }: Partial<Reply> = {}): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

export function errorReply(status: number, code: ErrorCode, message: string): Reply {
  return json({ errors: [{ code, message, detail: null }] }, { status });
}

/** An answer to a request that no careful client makes. It is kept in the list of violations. */
export class Violation extends Error {
  readonly reply: Reply;
  constructor(status: number, code: ErrorCode, message: string) {
    super(message);
    this.reply = errorReply(status, code, message);
  }
}
