import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, findRuntime, isStatic, requireInit, requireRuntime } from './programs.ts';

let root: string;

beforeAll(() => {
  root = mkdtempSync(`${tmpdir()}/lapidary-programs-`);
  for (const directory of ['none', 'both', 'one', 'one/crun']) mkdirSync(`${root}/${directory}`);
  for (const path of ['both/crun', 'both/runc', 'one/runc'])
    writeFileSync(`${root}/${path}`, '', { mode: 0o755 });
  writeFileSync(`${root}/none/runc`, '');
  chmodSync(`${root}/none/runc`, 0o644);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('programs', () => {
  test.for([
    { name: 'crun is preferred', path: 'both', want: 'crun' },
    { name: 'runc will do, a directory is no program', path: 'one', want: 'runc' },
    { name: 'what cannot be executed is no program', path: 'none', want: undefined },
  ])('$name', ({ path, want }) => {
    expect(findRuntime(`${root}/${path}`)?.name).toBe(want);
  });

  test('directories are searched in order, relative ones not at all', () => {
    expect(findProgram('runc', `.:${root}/none:${root}/one:${root}/both`)).toBe(`${root}/one/runc`);
  });

  test('what is missing is named, with what to install', () => {
    expect(() => requireRuntime(`${root}/none`)).toThrow(
      expect.objectContaining({ code: 'RUNTIME_MISSING' }),
    );
    expect(() => requireInit(`${root}/none`)).toThrow(
      expect.objectContaining({ hint: 'install one: apt-get install catatonit' }),
    );
  });
});

function elf(type: number): Buffer {
  const bytes = Buffer.alloc(200);
  bytes.write('\x7fELF\x02\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(type, 64);
  return bytes;
}

describe('isStatic', () => {
  test.for([
    { name: 'a program without an interpreter', bytes: elf(1), want: true },
    { name: 'a program with one', bytes: elf(3), want: false },
    { name: 'a script', bytes: Buffer.from('#!/bin/sh\n'), want: false },
    {
      name: 'headers that lie outside',
      bytes: Buffer.concat([elf(1).subarray(0, 56), Buffer.alloc(8, 255)]),
      want: false,
    },
  ])('$name', ({ bytes, want }) => {
    const path = `${root}/program`;
    writeFileSync(path, bytes);
    expect(isStatic(path)).toBe(want);
  });
});
