import { describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import { lockChanges } from './lock-changes.ts';
import { EMPTY_LOCK, formatLock, type Lock, lockPath, parseLock } from './lock-file.ts';

const [a, b, c] = [sha256('a'), sha256('b'), sha256('c')];
const LOCK: Lock = {
  platforms: ['linux/arm64', 'linux/amd64'],
  images: {
    'docker.io/library/b:1': { digest: a, platforms: { 'linux/arm64': c, 'linux/amd64': b } },
    'docker.io/library/a:1': { ids: { 'linux/amd64': a } },
  },
  layouts: {},
  files: { 'https://b': b, 'https://a': a },
  git: { 'https://a.git#main': '0'.repeat(40) },
};

describe('a lock file', () => {
  test('is sorted, leaves out what it has nothing of, and reads back', () => {
    const text = formatLock(LOCK);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      'version',
      'platforms',
      'images',
      'files',
      'git',
    ]);
    expect(text.indexOf('library/a:1')).toBeLessThan(text.indexOf('library/b:1'));
    expect(text.indexOf('linux/amd64": "')).toBeLessThan(text.lastIndexOf('linux/arm64": "'));
    const read = parseLock(text, 'lapidary.lock');
    expect(formatLock(read)).toBe(text);
    expect(read).toEqual({ ...LOCK, platforms: LOCK.platforms.toSorted() });
  });

  test('of nothing', () => {
    expect(parseLock(formatLock(EMPTY_LOCK), 'x')).toEqual(EMPTY_LOCK);
  });

  test.for([
    ['/x/Dockerfile', undefined, '/x/lapidary.lock'],
    ['/x/dockerfile', undefined, '/x/lapidary.lock'],
    ['/x/prod.Dockerfile', undefined, '/x/prod.Dockerfile.lock'],
    ['/x/Dockerfile', '/y/z', '/y/z'],
  ] as const)('of %s with %s is %s', ([path, named, want]) => {
    expect(lockPath({ source: { name: '', text: '' }, path }, named)).toBe(want);
  });

  test('is nowhere for a Dockerfile that is no file', () => {
    expect(() => lockPath({ source: { name: 'stdin', text: '' } }, undefined)).toThrow(
      'no lock file beside it',
    );
  });
});

describe('lockChanges', () => {
  test('tells what came, went and moved', () => {
    const after: Lock = {
      ...LOCK,
      images: {
        'docker.io/library/b:1': { digest: b, platforms: { 'linux/amd64': c, 'linux/386': a } },
      },
      files: { 'https://b': b },
    };
    const name = 'docker.io/library/b:1';
    expect(lockChanges(LOCK, after)).toEqual([
      { what: 'image', name: 'docker.io/library/a:1', platform: 'linux/amd64', from: a },
      { what: 'image', name, from: a, to: b },
      { what: 'image', name, platform: 'linux/386', to: a },
      { what: 'image', name, platform: 'linux/amd64', from: b, to: c },
      { what: 'image', name, platform: 'linux/arm64', from: c },
      { what: 'file', name: 'https://a', from: a },
    ]);
    expect(lockChanges(after, after)).toEqual([]);
  });
});
