import { END, encodeHeader, padding, type TarMember } from '../../src/tar/index.ts';

/** A member of a tar to make: a file with these bytes, or whatever `member` says. */
export type MadeMember = {
  readonly path: string;
  readonly data?: Uint8Array | string;
  readonly member?: Partial<TarMember>;
};

/** An uncompressed tar of members in the order given. */
export function makeTar(members: readonly MadeMember[]): Buffer {
  const pieces: Uint8Array[] = [];
  for (const { path, data = '', member } of members) {
    const bytes = Buffer.from(data);
    const size = bytes.length;
    const file = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size } as const;
    pieces.push(encodeHeader({ ...file, path, ...member }), bytes, END.subarray(0, padding(size)));
  }
  return Buffer.concat([...pieces, END]);
}
