import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import { type FileStamp, StatCache, stampOf } from './stat-cache.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lapidary-stat-cache-'));
  file = join(dir, 'cache');
});
afterEach(() => rm(dir, { recursive: true }));

const SECOND = 1_000_000_000n;
const NOW = 1_000n * SECOND;
const stats = (ino: number, changed: bigint = SECOND): Parameters<typeof stampOf>[0] => ({
  dev: 1n,
  ino: BigInt(ino),
  size: 3n,
  mtimeNs: changed,
  ctimeNs: changed,
});
const stamp = (ino: number, changed?: bigint): FileStamp => stampOf(stats(ino, changed));
const NOW_MS = Number(NOW / 1_000_000n);
/** What another process knows that reads the cache now. */
const known = async (one: FileStamp): Promise<string | undefined> => (await StatCache.open(file)).get(one);
const lines = async (): Promise<number> => (await readFile(file, 'latin1')).trim().split('\n').length - 1;

describe('what is remembered', () => {
  test.for<{ name: string; mtimeNs: bigint; ctimeNs: bigint; want: boolean }>([
    { name: 'a file that is settled', mtimeNs: SECOND, ctimeNs: SECOND, want: true },
    { name: 'exactly two seconds old', mtimeNs: SECOND, ctimeNs: NOW - 2n * SECOND, want: true },
    { name: 'not one a nanosecond younger', mtimeNs: SECOND, ctimeNs: NOW - 2n * SECOND + 1n, want: false },
    { name: 'not one that was just written', mtimeNs: NOW - SECOND, ctimeNs: NOW - SECOND, want: false },
    { name: 'not one whose time was set back', mtimeNs: SECOND, ctimeNs: NOW - SECOND, want: false },
    { name: 'not one from the future', mtimeNs: NOW + SECOND, ctimeNs: SECOND, want: false },
  ])('$name', async ({ mtimeNs, ctimeNs, want }) => {
    const cache = await StatCache.open(file);
    cache.put(stampOf({ ...stats(1), mtimeNs, ctimeNs }), sha256('abc'), NOW_MS);
    await cache.save();
    expect(await known(stampOf({ ...stats(1), mtimeNs, ctimeNs }))).toBe(want ? sha256('abc') : undefined);
  });

  test('every part of the stamp counts', async () => {
    const cache = await StatCache.open(file);
    cache.put(stamp(1), sha256('abc'), NOW_MS);
    await cache.save();
    const parts = ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const;
    for (const part of parts)
      expect([part, await known(stampOf({ ...stats(1), [part]: 7n }))]).toEqual([part, undefined]);
  });
});

describe('the file', () => {
  test('is not written when nothing changed, and nothing else stays beside it', async () => {
    const cache = await StatCache.open(file);
    cache.get(stamp(1));
    await cache.save();
    expect(await readdir(dir)).toEqual([]);
    cache.put(stamp(1), sha256('abc'), NOW_MS);
    await cache.save();
    expect(await readdir(dir)).toEqual(['cache']);
  });

  test('holds a changed file once, however often it changes', async () => {
    for (let n = 1; n <= 5; n++) {
      const cache = await StatCache.open(file);
      cache.get(stamp(1, BigInt(n)));
      cache.put(stamp(1, BigInt(n)), sha256(String(n)), NOW_MS);
      await cache.save();
    }
    expect(await lines()).toBe(1);
    expect(await known(stamp(1, 5n))).toBe(sha256('5'));
  });

  test('keeps files that were not asked for', async () => {
    const first = await StatCache.open(file);
    first.put(stamp(1), sha256('1'), NOW_MS);
    await first.save();
    const second = await StatCache.open(file);
    second.get(stamp(2));
    second.put(stamp(2), sha256('2'), NOW_MS);
    await second.save();
    expect([await known(stamp(1)), await known(stamp(2))]).toEqual([sha256('1'), sha256('2')]);
  });

  test('forgets files that were not asked for when they are very many', async () => {
    const first = await StatCache.open(file);
    for (let n = 0; n < 20_010; n++) first.put(stamp(n), sha256('x'), NOW_MS);
    await first.save();
    const second = await StatCache.open(file);
    second.get(stamp(30_000));
    second.put(stamp(30_000), sha256('2'), NOW_MS);
    await second.save();
    expect(await lines()).toBe(1);
  });

  test('that cannot be written is no error', async () => {
    await writeFile(file, '');
    const cache = await StatCache.open(join(file, 'cache'));
    cache.put(stamp(1), sha256('abc'), NOW_MS);
    await cache.save();
    expect(await readdir(dir)).toEqual(['cache']);
  });
});
