import { LapidaryError, messageOf } from '../errors/index.ts';

/** Manifests, indexes and configurations that are larger are refused; registries refuse them too. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 64;

/**
 * The JSON value in untrusted bytes: UTF-8, at most 4 MiB, at most 64 levels deep. Members named `__proto__`
 * are left out.
 *
 * @throws LapidaryError MANIFEST_INVALID; `what` names the document
 */
export function readJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.byteLength > MAX_BYTES) {
    throw new LapidaryError(
      'MANIFEST_INVALID',
      `malformed ${what}: ${bytes.byteLength} bytes, more than 4 MiB`,
    );
  }
  if (depthOf(bytes) > MAX_DEPTH) {
    throw new LapidaryError('MANIFEST_INVALID', `malformed ${what}: nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  } catch (error) {
    const message = `malformed ${what}: not JSON in UTF-8: ${messageOf(error)}`;
    throw new LapidaryError('MANIFEST_INVALID', message, { cause: error });
  }
}

/** Deepest nesting of brackets outside of strings. Of text that is not JSON the answer may be anything. */
function depthOf(bytes: Uint8Array): number {
  let [depth, deepest, inString] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}
