import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import type { ByteSource } from './elf-object.ts';
import { readElf } from './read-elf.ts';
import { elf } from './test-elf.ts';

function bytesOf(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

describe('reading an object', () => {
  test.for([
    { name: 'x86-64', bits: 64, littleEndian: true, machine: 62 },
    { name: 'arm', bits: 32, littleEndian: true, machine: 40 },
    { name: 's390x', bits: 64, littleEndian: false, machine: 22 },
    { name: 'a 32-bit processor with the other byte order', bits: 32, littleEndian: false, machine: 8 },
  ] as const)('of $name', async ({ bits, littleEndian, machine }) => {
    const target = { bits, littleEndian, machine };
    const bytes = elf({
      ...target,
      interpreter: '/lib/ld.so',
      needed: ['libb.so.1', 'liba.so'],
      soname: 'me.so',
      rpath: '/r',
      runpath: '$ORIGIN/../lib::/opt/lib',
      noDefaultLibraries: true,
    });
    expect(await readElf(bytesOf(bytes))).toEqual({
      target,
      interpreter: '/lib/ld.so',
      dynamic: {
        soname: 'me.so',
        needed: ['libb.so.1', 'liba.so'],
        rpath: ['/r'],
        runpath: ['$ORIGIN/../lib', '/opt/lib'],
        noDefaultLibraries: true,
      },
    });
  });

  test('a static program needs nothing', async () => {
    const { interpreter, dynamic } = (await readElf(bytesOf(elf()))) ?? {};
    expect({ interpreter, dynamic }).toEqual({ interpreter: undefined, dynamic: undefined });
  });

  test('this very program', async () => {
    const object = await readElf(bytesOf(readFileSync(process.execPath)));
    expect(object?.interpreter).toContain('/ld-');
    expect(object?.dynamic?.needed).toContain('libc.so.6');
  });

  test.for(['', '#!/bin/sh\n', '\x7fELG', 'text'])('%j is none', async (text) => {
    expect(await readElf(bytesOf(Buffer.from(text)))).toBeUndefined();
  });

  test('whatever is cut off or changed gives an object or an error that says so', async () => {
    const whole = elf({ interpreter: '/lib/ld.so', needed: ['liba.so'], runpath: '/x' });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
        async (length, changes) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          const error = await readElf(bytesOf(bytes.subarray(0, length))).then(
            () => undefined,
            (reason: unknown) => reason,
          );
          if (error !== undefined && !(error instanceof LapidaryError && error.code === 'ELF_INVALID'))
            throw error;
        },
      ),
      { numRuns: 500 },
    );
  });
});
