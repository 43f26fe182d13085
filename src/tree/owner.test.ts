import { describe, expect, test } from 'vitest';
import { resolveChown, resolveOwner } from './owner.ts';

const accounts = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\n# comment:x:9:9\napp:x:1000:1001::/home/app:/bin/sh\nbroken line\nbin:x:2:2\n',
  group: 'root:x:0:\nstaff:x:50:app,other\nappgrp:x:1001:app\nwheel:x:10:root,app\n',
};

describe('USER', () => {
  test.for<{ user: string; want: object }>([
    { user: '', want: { uid: 0, gid: 0, groups: [] } },
    { user: 'root', want: { uid: 0, gid: 0, groups: [10] } },
    { user: 'app', want: { uid: 1000, gid: 1001, groups: [50, 10] } },
    { user: '1000', want: { uid: 1000, gid: 1001, groups: [50, 10] } },
    { user: '4242', want: { uid: 4242, gid: 0, groups: [] } },
    { user: 'app:staff', want: { uid: 1000, gid: 50, groups: [] } },
    { user: 'app:7', want: { uid: 1000, gid: 7, groups: [] } },
    { user: '5:6', want: { uid: 5, gid: 6, groups: [] } },
    { user: 'app:', want: { uid: 1000, gid: 1001, groups: [50, 10] } },
    { user: '0', want: { uid: 0, gid: 0, groups: [10] } },
    { user: '4294967295', want: { uid: 4294967295, gid: 0, groups: [] } },
    { user: ':50', want: { uid: 0, gid: 50, groups: [] } },
  ])('$user', ({ user, want }) => {
    const { home: _home, ...owner } = resolveOwner(user, accounts);
    expect(owner).toEqual(want);
  });

  test.for([
    { user: 'app', want: '/home/app' },
    { user: '1000:5', want: '/home/app' },
    { user: '4321', want: '/' },
    { user: 'root', want: '/root' },
  ])('$user is at home in $want', ({ user, want }) => {
    expect(resolveOwner(user, accounts).home).toBe(want);
  });
});

describe('--chown', () => {
  test.for<{ owner: string; want: object }>([
    { owner: '55', want: { uid: 55, gid: 55 } },
    { owner: 'app', want: { uid: 1000, gid: 1001 } },
    { owner: 'app:staff', want: { uid: 1000, gid: 50 } },
    { owner: '1000', want: { uid: 1000, gid: 1000 } },
    { owner: '1000:staff', want: { uid: 1000, gid: 50 } },
    { owner: 'app:9', want: { uid: 1000, gid: 9 } },
    { owner: '10:11', want: { uid: 10, gid: 11 } },
  ])('$owner', ({ owner, want }) => {
    expect(resolveChown(owner, accounts)).toEqual({ ...want, unknown: [] });
  });
});

test('a misspelt name gets a suggestion', () => {
  expect(() => resolveOwner('ap', accounts)).toThrow(
    expect.objectContaining({ code: 'USER_NOT_FOUND', hint: 'did you mean app?' }),
  );
});

test('an image without accounts takes numbers only', () => {
  expect(resolveOwner('3:4', {})).toEqual({ uid: 3, gid: 4, groups: [], home: '/' });
  expect(() => resolveOwner('app', {})).toThrow(
    expect.objectContaining({ hint: 'the image has no /etc/passwd: use a number' }),
  );
});

test.for([
  { owner: 'ap', want: { uid: 0, gid: 0 }, unknown: ['there is no user "ap"'] },
  { owner: 'ap:staff', want: { uid: 0, gid: 50 }, unknown: ['there is no user "ap"'] },
  { owner: '55:mygroup', want: { uid: 55, gid: 55 }, unknown: ['there is no group "mygroup"'] },
  { owner: 'app:mygroup', want: { uid: 1000, gid: 1001 }, unknown: ['there is no group "mygroup"'] },
  { owner: 'x:y', want: { uid: 0, gid: 0 }, unknown: ['there is no user "x"', 'there is no group "y"'] },
])('--chown=$owner has names that are not there', ({ owner, want, unknown }) => {
  const { unknown: found, ...ids } = resolveChown(owner, accounts);
  expect(ids).toEqual(want);
  expect(found.map(({ message }) => message)).toEqual(unknown.map((text) => expect.stringContaining(text)));
});
