import { describe, expect, test } from 'vitest';
import { readIndexAnnotations, readPlainAnnotations } from './index-annotations.ts';

const ARM = { os: 'linux', architecture: 'arm', variant: 'v7' };

describe('readIndexAnnotations', () => {
  test.for([
    ['of the index where nothing is said', 'a=b', [{ on: 'index', key: 'a', value: 'b' }]],
    ['of the index', 'index:a=b=c', [{ on: 'index', key: 'a', value: 'b=c' }]],
    ['of every line', 'manifest-descriptor:a=', [{ on: 'manifest-descriptor', key: 'a', value: '' }]],
    [
      'of the lines of a platform',
      'manifest-descriptor[linux/arm/v7]:a=b',
      [{ on: 'manifest-descriptor', platform: ARM, key: 'a', value: 'b' }],
    ],
    [
      'of several kinds',
      'index,manifest-descriptor:a=b',
      [
        { on: 'index', key: 'a', value: 'b' },
        { on: 'manifest-descriptor', key: 'a', value: 'b' },
      ],
    ],
    ['a key with a colon', 'urn:a:b=c', [{ on: 'index', key: 'urn:a:b', value: 'c' }]],
    ['a colon in the value', 'a=index:b', [{ on: 'index', key: 'a', value: 'index:b' }]],
  ] as const)('%s', ([, text, want]) => {
    expect(readIndexAnnotations([text])).toEqual(want);
  });

  test.for([
    ['no value', 'index:a', 'not understood'],
    ['no key', 'index:=b', 'not understood'],
    ['manifests', 'manifest:a=b', 'manifests keep their digests'],
    ['an unknown kind beside a known one', 'index,nope:a=b', 'no type "nope"'],
    ['an index of a platform', 'index[linux/arm]:a=b', 'of no platform'],
    ['a wrong platform', 'manifest-descriptor[a/b/c/d]:a=b', 'not a platform'],
  ] as const)('error: %s', ([, text, message]) => {
    expect(() => readIndexAnnotations([text])).toThrow(message);
  });
});

describe('readPlainAnnotations', () => {
  test('the last one wins, and a name of the language is a plain key', () => {
    expect(readPlainAnnotations(['a=1', 'a=2', '__proto__=x'])).toEqual(
      Object.fromEntries([
        ['a', '2'],
        ['__proto__', 'x'],
      ]),
    );
  });
  test.for(['a', '=b', ''])('error: %j', (text) => {
    expect(() => readPlainAnnotations([text])).toThrow('not understood');
  });
});
