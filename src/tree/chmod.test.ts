import { describe, expect, test } from 'vitest';
import { parseChmod } from './chmod.ts';

describe('parseChmod', () => {
  test.for<[string, number, boolean, number]>([
    ['755', 0o644, false, 0o755],
    ['0644', 0o755, false, 0o644],
    ['4755', 0, false, 0o4755],
    ['u+x', 0o644, false, 0o744],
    ['+x', 0o644, false, 0o755],
    ['a-w', 0o666, false, 0o444],
    ['u=rwX,go=rX', 0o600, false, 0o644],
    ['u=rwX,go=rX', 0o700, false, 0o755],
    ['u=rwX,go=rX', 0o600, true, 0o755],
    ['g=', 0o777, false, 0o707],
    ['u+s', 0o755, false, 0o4755],
    ['+t', 0o777, true, 0o1777],
    ['go-rwx,u+x', 0o666, false, 0o700],
    ['g=u', 0o740, false, 0o770],
    ['go=u-w', 0o764, false, 0o755],
    ['o+g', 0o754, false, 0o755],
    ['u=rw', 0o4755, false, 0o655],
    ['u=rwx', 0o4711, true, 0o4711],
    ['g-s', 0o2755, true, 0o755],
    ['a+X', 0o640, false, 0o640],
    ['a+X', 0o740, false, 0o751],
    ['o+t', 0o755, true, 0o1755],
    ['u+t', 0o755, true, 0o755],
    ['=r', 0o777, false, 0o444],
    ['u+rw-x+x', 0o100, false, 0o700],
    ['0', 0o777, false, 0],
  ])('%s on %i (directory: %s)', ([text, mode, directory, want]) => {
    const chmod = parseChmod(text);
    expect(typeof chmod === 'number' ? chmod : chmod(mode, directory)).toBe(want);
  });
  test.for(['', '888', 'u+z', 'x', '77777', 'u=rw,', 'rwx', 'u', 'g=uo', '-1', '0x1ff', 'u+x '])(
    '%j is none',
    (text) => {
      expect(() => parseChmod(text)).toThrow('--chmod cannot be');
    },
  );
});
