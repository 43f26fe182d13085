import { describe, expect, test } from 'vitest';
import { ancestorsOf, below, hostPath, nameOf, parentOf } from './host-path.ts';

describe('paths', () => {
  test.for([
    { path: '', parent: '', name: '', ancestors: [] },
    { path: 'a', parent: '', name: 'a', ancestors: [''] },
    { path: 'a/b/c', parent: 'a/b', name: 'c', ancestors: ['', 'a', 'a/b'] },
  ])('$path', ({ path, parent, name, ancestors }) => {
    expect([parentOf(path), nameOf(path), ancestorsOf(path)]).toEqual([parent, name, ancestors]);
  });

  test('the root of a directory is the directory', () => {
    expect([below('/d', ''), below('/d', 'x')]).toEqual(['/d', '/d/x']);
  });

  test('names that are not UTF-8 reach the system as their bytes', () => {
    expect(hostPath('ä')).toBe('ä');
    expect(hostPath('a/\udcff')).toEqual(Buffer.from([0x61, 0x2f, 0xff]));
  });
});
