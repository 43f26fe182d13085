import { describe, expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

describe('parseChallenges', () => {
  test.for([
    { name: 'no header', header: undefined, want: [] },
    { name: 'nothing but commas', header: ' , ,', want: [] },
    {
      name: "Docker Hub's",
      header:
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      want: [
        {
          scheme: 'bearer',
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      ],
    },
    { name: 'basic', header: 'Basic realm="Registry"', want: [{ scheme: 'basic', realm: 'Registry' }] },
    { name: 'scheme alone', header: 'Basic', want: [{ scheme: 'basic' }] },
    {
      name: 'names in any case, spaces around =',
      header: 'BEARER Realm = "https://a/t" , SERVICE="s"',
      want: [{ scheme: 'bearer', realm: 'https://a/t', service: 's' }],
    },
    {
      name: 'several in one header',
      header: 'Basic realm="x", Bearer realm="https://a/t",service="s", Negotiate',
      want: [
        { scheme: 'basic', realm: 'x' },
        { scheme: 'bearer', realm: 'https://a/t', service: 's' },
        { scheme: 'negotiate' },
      ],
    },
    {
      name: 'values without quotes',
      header: 'Bearer realm=https://a/t?x=1,service=s',
      want: [{ scheme: 'bearer', realm: 'https://a/t?x=1', service: 's' }],
    },
    { name: 'escapes', header: 'Bearer realm="a\\"b\\\\c"', want: [{ scheme: 'bearer', realm: 'a"b\\c' }] },
    {
      name: 'a comma in a value',
      header: 'Bearer scope="a,b",realm="r"',
      want: [{ scheme: 'bearer', scope: 'a,b', realm: 'r' }],
    },
    {
      name: 'empty values',
      header: 'Bearer realm="",service=',
      want: [{ scheme: 'bearer', realm: '', service: '' }],
    },
    {
      name: 'the first of two alike',
      header: 'Bearer realm="a",realm="b"',
      want: [{ scheme: 'bearer', realm: 'a' }],
    },
    {
      name: 'a token68',
      header: 'Negotiate YWJj==, Basic realm="r"',
      want: [{ scheme: 'negotiate' }, { scheme: 'basic', realm: 'r' }],
    },
    {
      name: 'a string without end is read over',
      header: 'Bearer realm="abc',
      want: [{ scheme: 'bearer', realm: '' }],
    },
    {
      name: 'what is no token is read over',
      header: '"x", Basic realm="r"',
      want: [{ scheme: 'basic', realm: 'r' }],
    },
  ])('$name', ({ header, want }) => {
    const got = parseChallenges(header).map(({ scheme, parameters }) => ({
      scheme,
      ...Object.fromEntries(parameters),
    }));
    expect(got).toMatchObject(want);
    expect(got).toHaveLength(want.length);
  });

  test('a header that could make it slow does not', () => {
    const text = `Bearer ${'a="'.repeat(100_000)}`;
    expect(parseChallenges(text).length).toBeLessThan(20_000);
  });
});
