import { encodeHeader } from './encode-header.ts';
import { padding, type TarMember } from './member.ts';
import { checksum, writeOctal } from './number-field.ts';
import { encodePathText } from './path-text.ts';
import { TarReader } from './tar-reader.ts';

// What the tests of this folder make and read archives with.

export type ReadMember = { readonly member: TarMember & { readonly offset: number }; readonly data: Buffer };

/** All members of an archive, pushed in pieces of `chunk` bytes. Throws when the handler is called out of order. */
export function readAll(archive: Uint8Array, chunk: number = archive.length || 1): ReadMember[] {
  const found: ReadMember[] = [];
  let open: { member: TarMember & { readonly offset: number }; pieces: Uint8Array[] } | undefined;
  const reader = new TarReader({
    onMember(member) {
      if (open) throw new Error('a member inside of a member');
      open = { member, pieces: [] };
    },
    onData(piece) {
      if (!open || piece.length === 0) throw new Error('data out of place');
      open.pieces.push(Uint8Array.from(piece));
    },
    onMemberEnd() {
      if (!open) throw new Error('an end without a member');
      found.push({ member: open.member, data: Buffer.concat(open.pieces) });
      open = undefined;
    },
  });
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk));
  reader.end();
  return found;
}

export const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

const EMPTY_FILE = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0 } as const;
export const file = (path: string, change: Partial<TarMember> = {}): TarMember => ({
  ...EMPTY_FILE,
  path,
  ...change,
});

/** A header block with raw fields put over those of an empty file `n`; its checksum holds. */
export function rawHeader(fields: Readonly<Record<number, string | Uint8Array>> = {}): Uint8Array {
  const block = encodeHeader(file('n'));
  for (const [at, value] of Object.entries(fields)) {
    block.set(typeof value === 'string' ? encodePathText(value) : value, Number(at));
  }
  return repairChecksum(block);
}

export function repairChecksum(block: Uint8Array): Uint8Array {
  writeOctal(block, 148, { length: 7, value: checksum(block, 0) });
  return block;
}

/** A header with a body, such as PAX (`x`, `g`) and GNU long names (`L`, `K`) are. */
export function extension(flag: string, body: string): Uint8Array {
  const data = encodePathText(body);
  const block = rawHeader({ 156: flag });
  writeOctal(block, 124, { length: 12, value: data.length });
  return join(repairChecksum(block), data, new Uint8Array(padding(data.length)));
}

/** A PAX record with the right length; written apart from the code that is tested. */
export function record(key: string, value: string): string {
  const rest = encodePathText(` ${key}=${value}\n`).length;
  const length = [1, 2, 3, 4, 5]
    .map((digits) => rest + digits)
    .find((sum) => String(sum).length + rest === sum);
  return `${length} ${key}=${value}\n`;
}
