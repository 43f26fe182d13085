import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { hostPlatform, type Platform, parsePlatform } from '../oci/index.ts';
import type { Flags } from './command.ts';
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

/** `--platform`, for one platform. @throws LapidaryError PLATFORM_INVALID, USAGE */
export function readPlatform(text: string | undefined): { readonly platform?: Platform } {
  if (text === undefined) return {};
  const [platform, another] = platformList([text]);
  if (platform !== undefined && another === undefined) return { platform };
  throw new LapidaryError('USAGE', `one platform is expected: ${quoted(text)}`, {
    hint: 'give each platform in a call of its own',
  });
}

/** `--platform`, for several, and `--all-platforms`. @throws LapidaryError PLATFORM_INVALID, USAGE */
export function readPlatforms(flags: Flags): { readonly platforms?: readonly Platform[] | 'all' } {
  const platforms = platformList(flags.list('platform'));
  if (!flags.on('all-platforms')) return platforms.length === 0 ? {} : { platforms };
  if (platforms.length === 0) return { platforms: 'all' };
  throw new LapidaryError('USAGE', '--platform and --all-platforms exclude each other', {
    hint: 'leave out one of them',
  });
}

/** As docker buildx: `local` is this machine. */
function platformList(texts: readonly string[]): Platform[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) =>
      text.trim().toLowerCase() === 'local'
        ? hostPlatform(process.arch, 'linux')
        : parsePlatform(text.trim()),
    );
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
