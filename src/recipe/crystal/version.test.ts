import { describe, expect, test } from 'vitest';
import { parseRange } from './version.ts';

describe('parseRange', () => {
  test.each([
    { range: '*', yes: ['0.1.0', '1.14.0'], no: [] },
    { range: '>= 1.14.0', yes: ['1.14.0', '1.14.1', '2.0.0'], no: ['1.13.9', '1.14.0-dev'] },
    { range: '>= 1.0, < 1.14', yes: ['1.0.0', '1.13.3'], no: ['0.36.1', '1.14.0'] },
    { range: '> 1.14.0', yes: ['1.14.1'], no: ['1.14.0'] },
    { range: '<= 1.14.0', yes: ['1.14.0', '1.14.0-dev'], no: ['1.14.1'] },
    { range: '!= 1.14.0', yes: ['1.14.1'], no: ['1.14.0'] },
    { range: '= 1.14.0', yes: ['1.14.0'], no: ['1.14.1'] },
    { range: '~> 1.4', yes: ['1.4.0', '1.14.0'], no: ['1.3.9', '2.0.0'] },
    { range: '~> 1.4.1', yes: ['1.4.1', '1.4.9'], no: ['1.4.0', '1.5.0', '1.5.0-rc1'] },
    { range: '~> 1', yes: ['1.0.0', '1.99.0'], no: ['0.9.0', '2.0.0'] },
    { range: '1.10.0', yes: ['1.10.0', '1.14.0'], no: ['1.9.9', '2.0.0'] },
    { range: '0.35.1', yes: ['0.35.1', '1.14.0'], no: ['0.35.0'] },
  ])('$range', ({ range, yes, no }) => {
    const fits = parseRange(range);
    expect(yes.filter((version) => fits?.(version) !== true)).toEqual([]);
    expect(no.filter((version) => fits?.(version) !== false)).toEqual([]);
  });

  test.each(['one', '>= ', '>= 1.x', '^1.0', '1.0 || 2.0', '=> 1.0'])('does not understand %j', (range) => {
    expect(parseRange(range)).toBeUndefined();
  });
});
