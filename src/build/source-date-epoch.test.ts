import { expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { withEpoch } from './source-date-epoch.ts';

const context = { type: 'directory', path: '/' } as const;

test('an epoch is a build argument as well', () => {
  expect(withEpoch({ context, sourceDateEpoch: 7 }).buildArgs).toEqual({ SOURCE_DATE_EPOCH: '7' });
  expect(
    withEpoch({ context, sourceDateEpoch: 7, buildArgs: { SOURCE_DATE_EPOCH: '8', a: 'b' } }),
  ).toMatchObject({
    sourceDateEpoch: 7,
    buildArgs: { SOURCE_DATE_EPOCH: '8', a: 'b' },
  });
});

test('the build argument is the epoch', () => {
  expect(withEpoch({ context, buildArgs: { SOURCE_DATE_EPOCH: '8' } }).sourceDateEpoch).toBe(8);
  expect(withEpoch({ context, buildArgs: { SOURCE_DATE_EPOCH: '' } }).sourceDateEpoch).toBeUndefined();
  expect(withEpoch({ context })).toEqual({ context });
});

test.for(['-1', '1.5', 'today', '253402300800', '99999999999999'])('%s is no time', (text) => {
  expect(() => withEpoch({ context, buildArgs: { SOURCE_DATE_EPOCH: text } })).toThrow(LapidaryError);
});
