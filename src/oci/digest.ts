import { createHash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';

declare const kind: unique symbol;
/** `sha256:` + 64 lowercase hex digits, over a blob exactly as stored (usually compressed), or over a file. */
export type Digest = string & { readonly [kind]: 'blob' };
/** Digest of a layer's uncompressed tar. Same text form, but never assignable to a Digest. */
export type DiffId = string & { readonly [kind]: 'diff' };
/** Digest of a stack of layers, applied in order. */
export type ChainId = string & { readonly [kind]: 'chain' };

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** @throws LapidaryError DIGEST_INVALID */
export function parseDigest<T extends Digest | DiffId | ChainId = Digest>(text: string | NoInfer<T>): T {
  if (PATTERN.test(text)) return text as T;
  const hint = 'expected sha256: and 64 lowercase hex digits';
  throw new LapidaryError('DIGEST_INVALID', `not a digest: ${quoted(text)}`, { hint });
}

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** Digest of bytes or of a text's UTF-8 form, in the brand the caller names. */
export function sha256<T extends string = Digest>(data: Uint8Array | string | NoInfer<T>): T {
  return `sha256:${createHash('sha256').update(data).digest('hex')}` as T;
}

/** The 64 hex digits, for file names. */
export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
