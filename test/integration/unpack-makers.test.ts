import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DiffId } from '../../src/oci/index.ts';
import { unpackFiles } from '../../src/sandbox/blob-unpack.ts';
import { Syscalls } from '../../src/sandbox/syscalls.ts';
import { END, encodeHeader } from '../../src/tar/index.ts';

/** Empty ones: the reader is done with them long before they are made. */
const FILES = 40_000;

const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'lapidary-makers-'));
const umask = process.umask(0);
const blob = {
  path: join(scratch, 'layer.tar.zst'),
  compression: 'zstd' as const,
  diffId: 'sha256:' as DiffId,
};

beforeAll(() => {
  const metadata = {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    mtimeNs: 0,
    size: 0,
  } as const;
  const members = Array.from({ length: FILES }, (_, i) =>
    encodeHeader({ ...metadata, path: `d${i % 7}/e${Math.floor(i / 50)}/${i}` }),
  );
  const tar = Buffer.concat([...members, END]);
  writeFileSync(blob.path, zstdCompressSync(tar));
  blob.diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as DiffId;
});
afterAll(() => {
  process.umask(umask);
  rmSync(scratch, { recursive: true });
});

/** Unpacks it as on a machine with so many cores; answers with what was made, and the threads that it took. */
async function unpackWith(cores: number): Promise<{ readonly made: string; readonly threads: number }> {
  let threads = 0;
  const count = (): void => {
    threads += 1;
  };
  process.on('worker', count);
  const target = join(scratch, `by-${cores}`);
  const { signal } = new AbortController();
  await unpackFiles(blob, { syscalls: await Syscalls.open(), target, signal, cores });
  process.off('worker', count);
  const made = execFileSync('sh', ['-c', "find . -type f -printf '%P %m %T@ %s\\n' | sort"], {
    cwd: target,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { made, threads };
}

describe('a layer of more files than one thread makes while they are read', () => {
  test('is the same by one maker and by two, and two cores are busy enough with one', async () => {
    const few = await unpackWith(2);
    const many = await unpackWith(8);
    expect(few.made.split('\n')).toHaveLength(FILES + 1);
    expect(few.made).toContain('d3/e0/3 644 1700000000.0000000000 0\n');
    expect(many.made === few.made).toBe(true);
    expect({ few: few.threads, many: many.threads }).toEqual({ few: 1, many: 2 });
  });
});
