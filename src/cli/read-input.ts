import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { type Platform, parsePlatform } from '../oci/index.ts';
import type { Io } from './io.ts';

const MAX_TEXT = 16 * 2 ** 20;

/** All of standard input as text. @throws LapidaryError USAGE when it is a terminal or has more than 16 MiB */
export async function readStdinText(io: Io, what: string): Promise<string> {
  const stdin = io.stdin();
  refuseTerminal(stdin, `${what} is to be read from standard input, which is a terminal`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    io.signal.throwIfAborted();
    size += chunk.length;
    if (size > MAX_TEXT) throw new LapidaryError('USAGE', `${what} on standard input is larger than 16 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** A file that a flag names. @throws LapidaryError USAGE */
export async function readFlagFile(io: Io, { flag, path }: { flag: string; path: string }): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, path), 'utf8');
  } catch (cause) {
    throw new LapidaryError(
      'USAGE',
      `${flag}: the file ${quoted(path)} cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** Bytes are for pipes and files. @throws LapidaryError USAGE */
export function refuseTerminal(stream: { readonly isTTY?: boolean }, message: string): void {
  if (stream.isTTY !== true) return;
  throw new LapidaryError('USAGE', message, { hint: 'use a file or a pipe' });
}

/** `--platform`, for one platform. @throws LapidaryError PLATFORM_INVALID, UNSUPPORTED */
export function readPlatform(text: string | undefined): { readonly platform?: Platform } {
  if (text === undefined) return {};
  if (text.includes(',')) {
    throw new LapidaryError(
      'UNSUPPORTED',
      `more than one platform at once is not supported: ${quoted(text)}`,
      {
        hint: 'build each platform in a call of its own',
      },
    );
  }
  return { platform: parsePlatform(text) };
}

/** A whole number from `least` to `greatest`. @throws LapidaryError USAGE */
export function readNumber(
  text: string,
  { name, least, greatest }: { readonly name: string; readonly least: number; readonly greatest: number },
): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= greatest) return value;
  throw new LapidaryError('USAGE', `${name} is not a whole number from ${least} on: ${quoted(text)}`, {
    hint: `expected ${least} to ${greatest}`,
  });
}

/** As Go's strconv.ParseBool; `name` is what an error calls it: `tar=`, `--tls-verify`. @throws LapidaryError USAGE */
export function readBoolean(name: string, text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  const equals = name.endsWith('=') ? '' : '=';
  throw new LapidaryError('USAGE', `${name} is neither true nor false: ${quoted(text)}`, {
    hint: `expected ${name}${equals}true or ${name}${equals}false`,
  });
}
