import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodePathText } from '../tar/index.ts';
import type { FileCalls } from './file-calls.ts';
import { Syscalls } from './syscalls.ts';

let directory: string;
let root: number;
let calls: FileCalls;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lapidary-calls-'));
  root = openSync(directory, 'r');
  calls = (await Syscalls.open()).files();
});
afterEach(() => {
  closeSync(root);
  rmSync(directory, { recursive: true });
});

const made = (): string[] => readdirSync(directory, { encoding: 'latin1' });
/** The error's code. */
function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe('a file', () => {
  test('gets what is written, its mode and its time to the nanosecond', () => {
    mkdirSync(join(directory, 'd'));
    const contents = Buffer.alloc(2 << 20, 'abcdefg');
    calls.contents = contents;
    const fd = calls.create(root, 'd/f', 0o640);
    calls.write(fd, 3, 4);
    calls.write(fd, 1 << 20, 1 << 20);
    calls.setTimes(fd, -1, 999_999_999);
    calls.close(fd);
    const path = join(directory, 'd/f');
    expect(
      readFileSync(path).equals(Buffer.concat([contents.subarray(3, 7), contents.subarray(1 << 20)])),
    ).toBe(true);
    const { mode, mtimeNs } = statSync(path, { bigint: true });
    expect({ mode: mode & 0o777n, mtimeNs }).toEqual({ mode: 0o640n, mtimeNs: -1n });
  });

  test.for([
    ['ASCII', 'plain'],
    ['UTF-8', 'ünïcödé-€-\u{1f48e}'],
    ['bytes that are no UTF-8', decodePathText(Buffer.from([0x61, 0xff, 0xfe, 0x62]))],
    ['as many bytes as a name may have', '€'.repeat(85)],
  ] as const)('is made under a name of %s', ([, name]) => {
    calls.close(calls.create(root, name, 0o600));
    const again = made().map((one) => decodePathText(Buffer.from(one, 'latin1')));
    expect(again).toEqual([name]);
  });

  test('is made after one with a longer name', () => {
    for (const name of ['a-long-name', 'b']) calls.close(calls.create(root, name, 0o600));
    expect(made()).toEqual(['a-long-name', 'b']);
  });
});

describe('an error names its cause', () => {
  test.for([
    ['there is something already', 'here', 'EEXIST'],
    ['its directory is missing', 'no/f', 'ENOENT'],
    ['a name is too long', 'n'.repeat(256), 'ENAMETOOLONG'],
    ['a path of one byte each is too long', 'd/'.repeat(2100), 'ENAMETOOLONG'],
    ['a path is too long because of what its characters take', '€/'.repeat(1024), 'ENAMETOOLONG'],
  ] as const)('%s', ([, path, code]) => {
    calls.close(calls.create(root, 'here', 0o600));
    expect(codeOf(() => calls.create(root, path, 0o600))).toBe(code);
    expect(made()).toEqual(['here']);
  });

  test('a descriptor that is not open', () => {
    calls.contents = Buffer.alloc(1);
    expect([
      codeOf(() => calls.write(-1, 0, 1)),
      codeOf(() => calls.setTimes(-1, 0, 0)),
      codeOf(() => calls.close(-1)),
    ]).toEqual(['EBADF', 'EBADF', 'EBADF']);
  });

  test.for([
    ['before', -1, 1],
    ['behind', 0, 17],
    ['far behind', 2 ** 40, 1],
    ['backwards', 4, -1],
    ['nowhere in', Number.NaN, 1],
  ] as const)('a range %s the contents is never written', ([, start, length]) => {
    calls.contents = new Uint8Array(new ArrayBuffer(64), 16, 16);
    const fd = calls.create(root, 'f', 0o600);
    expect(() => calls.write(fd, start, length)).toThrow(RangeError);
    calls.close(fd);
    expect(statSync(join(directory, 'f')).size).toBe(0);
  });
});
