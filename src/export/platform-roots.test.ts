import { describe, expect, test } from 'vitest';
import { parsePlatform } from '../oci/index.ts';
import { type Entry, finish } from '../tree/index.ts';
import { directoryOf, joinRoots as joinSteps, type RootFilesystem } from './platform-roots.ts';

const joinRoots = (roots: readonly RootFilesystem[]): readonly Entry[] => finish(joinSteps(roots));
const METADATA = { mode: 0o755, uid: 0, gid: 0, mtime: 7, mtimeNs: 0 } as const;
const dir = (path: string): Entry => ({ kind: 'node', path, node: { type: 'dir', ...METADATA } });
const pipe = (path: string): Entry => ({ kind: 'node', path, node: { type: 'fifo', ...METADATA } });
const link = (path: string, target: string): Entry => ({ kind: 'hardlink', path, target });

const root = (name: string, split: boolean, ...entries: readonly Entry[]): RootFilesystem => {
  const platform = parsePlatform(name);
  return { platform, entries, ...(split && { directory: directoryOf(platform) }) };
};
const paths = (entries: readonly Entry[]): string[] =>
  entries.map((entry) => (entry.kind === 'hardlink' ? `${entry.path} -> ${entry.target}` : entry.path));

describe('joinRoots', () => {
  test('a directory for each platform, in the order of their names', () => {
    const joined = joinRoots([
      root('linux/arm/v7', true, dir('a'), pipe('a/b'), link('c', 'a/b')),
      root('linux/amd64', true, dir(''), pipe('z')),
    ]);
    expect(paths(joined)).toEqual([
      'linux_amd64',
      'linux_amd64/z',
      'linux_arm_v7',
      'linux_arm_v7/a',
      'linux_arm_v7/a/b',
      'linux_arm_v7/c -> linux_arm_v7/a/b',
    ]);
    // The root's own metadata is kept where an image has some
    expect(joined[0]).toMatchObject({ node: { mtime: 7 } });
    expect(joined[2]).toMatchObject({ node: { mode: 0o755, mtime: 0 } });
  });

  test('one platform as it is, or below its directory where that is asked for', () => {
    const entries = [dir('a'), pipe('a/b')];
    expect(joinRoots([root('linux/amd64', false, ...entries)])).toEqual(entries);
    expect(paths(joinRoots([root('linux/amd64', true, ...entries)]))).toContain('linux_amd64/a/b');
  });

  test('all in one place, as long as nothing is there twice but directories', () => {
    const [a, b] = [
      root('amd64', false, dir('bin'), pipe('bin/x')),
      root('arm64', false, dir('bin'), pipe('bin/y')),
    ];
    expect(paths(joinRoots([a, b]))).toEqual(['bin', 'bin/x', 'bin/y']);
    expect(() => joinRoots([a, b, root('s390x', false, pipe('bin/x'))])).toThrow(
      expect.objectContaining({
        code: 'EXPORT_FAILED',
        message: expect.stringContaining('"/bin/x" is there for linux/amd64 and for linux/s390x'),
      }),
    );
  });
});
