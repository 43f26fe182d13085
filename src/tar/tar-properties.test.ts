import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { encodeHeader } from './encode-header.ts';
import { END, padding, type TarMember } from './member.ts';
import { cleanMemberPath } from './member-path.ts';
import { writeOctal } from './number-field.ts';
import { decodePathText } from './path-text.ts';
import { file, join, rawHeader, readAll, repairChecksum } from './test-archives.ts';

const name = fc
  .array(fc.uint8Array({ min: 1, minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 8 })
  .map((parts) => decodePathText(Uint8Array.from(parts.flatMap((part) => [...part, 0x2f]))).slice(0, -1))
  .filter((path) => cleanOrUndefined(path) === path && path !== '');
const time = { min: -(2 ** 45), max: 2 ** 45 };
const xattrs = fc
  .dictionary(fc.stringMatching(/^(user|security)\.[a-zA-Zé._]{1,20}$/), fc.uint8Array(), {
    minKeys: 1,
    maxKeys: 3,
  })
  .map((values) => new Map(Object.entries(values)));
const owner = fc.oneof(fc.nat(3_000_000), fc.nat(0xffff_ffff));
const common = {
  mode: fc.nat(0o7777),
  uid: owner,
  gid: owner,
  mtime: fc.oneof(fc.nat(2_000_000_000), fc.integer(time)),
  mtimeNs: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
};
const byType = fc.oneof(
  fc.record({ type: fc.constant('file' as const), size: fc.nat(2000) }),
  fc.record({ type: fc.constantFrom('dir' as const, 'fifo' as const) }),
  fc.record({ type: fc.constantFrom('symlink' as const, 'hardlink' as const), link: name }),
  fc.record({
    type: fc.constantFrom('char' as const, 'block' as const),
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
  }),
);
const anyMember: fc.Arbitrary<TarMember> = fc
  .tuple(name, fc.record(common), byType, fc.option(xattrs))
  .map(([path, metadata, type, xattrs]) => file(path, { ...metadata, ...type, ...(xattrs && { xattrs }) }));

function cleanOrUndefined(path: string): string | undefined {
  try {
    return cleanMemberPath(path);
  } catch {
    return undefined;
  }
}

/** An archive of these members whose data is any bytes. */
function pack(members: readonly TarMember[]): Uint8Array {
  const parts = members.flatMap((member, index) => [
    encodeHeader(member),
    new Uint8Array(member.size).fill(index + 1),
    new Uint8Array(padding(member.size)),
  ]);
  return join(...parts, END);
}

/** With checksums that hold, damage reaches the parsers of the fields. */
function repairAll(archive: Uint8Array): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    if (archive[at + 257] === 0x75) repairChecksum(archive.subarray(at, at + 512));
  }
}

function outcome(archive: Uint8Array): 'read' | 'refused' | 'crashed' {
  try {
    for (const { member } of readAll(archive, 700)) cleanMemberPath(member.path);
    return 'read';
  } catch (error) {
    return error instanceof LapidaryError ? 'refused' : 'crashed';
  }
}

describe('properties', () => {
  test('what encodeHeader writes is read back, in chunks of any size', () => {
    fc.assert(
      fc.property(
        fc.array(anyMember, { maxLength: 5 }),
        fc.integer({ min: 1, max: 3000 }),
        (members, chunk) => {
          const archive = pack(members);
          const read = readAll(archive, chunk);
          expect(read.map(({ member }) => ({ ...member, path: cleanMemberPath(member.path) }))).toEqual(
            members.map((member, index) => ({ ...member, offset: read[index]?.member.offset })),
          );
          for (const { member, data } of read) {
            expect(Buffer.compare(data, archive.subarray(member.offset, member.offset + member.size))).toBe(
              0,
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a damaged archive is read, or refused with a LapidaryError', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const input = fc.tuple(
      fc.array(anyMember, { minLength: 1, maxLength: 4 }),
      damage,
      fc.boolean(),
      fc.nat(),
    );
    fc.assert(
      fc.property(input, ([members, changes, repair, cut]) => {
        const archive = Uint8Array.from(pack(members));
        for (const [at, value] of changes) archive[at % archive.length] = value;
        if (repair) repairAll(archive);
        const piece = archive.subarray(0, cut % 3 === 0 ? cut % archive.length : archive.length);
        expect(outcome(piece)).not.toBe('crashed');
      }),
      { numRuns: 500 },
    );
  });

  test('any bytes behind a header with a good checksum are read, or refused with a LapidaryError', () => {
    const input = fc.tuple(
      fc.constantFrom(0, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x78, 0x67, 0x4c, 0x4b, 0x53, 0x56),
      fc.uint8Array({ minLength: 512, maxLength: 512 }),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(input, ([flag, noise, body]) => {
        const block = Uint8Array.from(noise);
        block[156] = flag;
        writeOctal(block, 124, { length: 12, value: body.length });
        block[135] = 0;
        block[154] = 0;
        const rest = [body, new Uint8Array(padding(body.length)), rawHeader(), END];
        expect(outcome(join(repairChecksum(block), ...rest))).not.toBe('crashed');
      }),
      { numRuns: 500 },
    );
  });
});
