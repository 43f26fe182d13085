import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { fingerprint } from './fingerprint.ts';

const scratch = mkdtempSync(join(tmpdir(), 'lapidary-fingerprint-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let root: string;
let count = 0;
beforeEach(() => {
  root = join(scratch, String(count++));
  mkdirSync(join(root, 'app/lib'), { recursive: true });
  writeFileSync(join(root, 'app/a'), 'one');
  writeFileSync(join(root, 'app/lib/b'), 'two');
  symlinkSync('a', join(root, 'app/link'));
});

/** Looked at an hour later, when everything is long settled. */
function print(paths: readonly string[] = [''], skip = ''): Promise<string | undefined> {
  const canSkipDirectory = (path: string): boolean => path === skip;
  return fingerprint(root, paths, { canSkipDirectory, nowMs: Date.now() + 3_600_000 });
}
const at = (path: string): string => join(root, path);

describe('fingerprint', () => {
  test('stays the same when nothing is touched', async () => {
    expect(await print()).toMatch(/^[0-9a-f]{64}$/);
    expect(await print()).toBe(await print());
  });

  test.for<{ name: string; change: () => void }>([
    { name: 'contents', change: () => writeFileSync(at('app/lib/b'), 'three') },
    {
      name: 'contents, with size and time set back',
      change: () => {
        utimesSync(at('app/a'), 5, 5);
        writeFileSync(at('app/a'), 'eno');
        utimesSync(at('app/a'), 5, 5);
      },
    },
    { name: 'a mode', change: () => chmodSync(at('app/a'), 0o700) },
    { name: 'a mode of a directory', change: () => chmodSync(at('app/lib'), 0o700) },
    { name: 'a name', change: () => renameSync(at('app/a'), at('app/c')) },
    { name: 'another file', change: () => writeFileSync(at('app/lib/c'), '') },
    { name: 'a file less', change: () => unlinkSync(at('app/lib/b')) },
    { name: 'a hard link', change: () => linkSync(at('app/a'), at('app/a2')) },
    {
      name: 'where a link leads',
      change: () => {
        unlinkSync(at('app/link'));
        symlinkSync('b', at('app/link'));
      },
    },
    {
      name: 'two files that change their names',
      change: () => {
        renameSync(at('app/a'), at('app/x'));
        renameSync(at('app/lib/b'), at('app/a'));
        renameSync(at('app/x'), at('app/lib/b'));
      },
    },
  ])('changes with $name', async ({ change }) => {
    const before = await print();
    change();
    expect(await print()).not.toBe(before);
  });

  test('looks only at the paths it is asked for, and not into directories that are skipped', async () => {
    const before = [await print(['app/a']), await print(['app/a', 'gone']), await print(['app'], 'app/lib')];
    writeFileSync(at('app/lib/b'), 'changed');
    writeFileSync(at('beside'), '');
    expect([await print(['app/a']), await print(['app/a', 'gone']), await print(['app'], 'app/lib')]).toEqual(
      before,
    );
    writeFileSync(at('gone'), '');
    expect(await print(['app/a', 'gone'])).not.toBe(before[1]);
  });

  test.for<{ name: string; path: string }>([
    { name: 'a link', path: 'app/link' },
    { name: 'a way up', path: 'app/../app' },
  ])('cannot tell of $name', async ({ path }) => {
    expect(await print([path])).toBeUndefined();
  });

  test('cannot tell while something is young', async () => {
    const options = { canSkipDirectory: () => false, nowMs: Date.now() };
    expect(await fingerprint(root, [''], options)).toBeUndefined();
  });

  test('tells names apart that are not UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]), 'x');
    const before = await print();
    renameSync(
      Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]),
      Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe8)]),
    );
    expect(await print()).not.toBe(before);
  });
});
