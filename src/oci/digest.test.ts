import { describe, expect, test } from 'vitest';
import { chainIds } from './chain-id.ts';
import { type DiffId, hexOf, isDigest, parseDigest, sha256 } from './digest.ts';
import { layerCompression } from './media-types.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('digests', () => {
  test('of bytes and of text', () => {
    expect(sha256('')).toBe(`sha256:${EMPTY}`);
    expect(sha256(new Uint8Array())).toBe(`sha256:${EMPTY}`);
    expect(hexOf(sha256(''))).toBe(EMPTY);
  });

  test.for([
    ['upper case', `sha256:${EMPTY.toUpperCase()}`],
    ['another algorithm', `sha512:${EMPTY}`],
    ['too short', `sha256:${EMPTY.slice(1)}`],
    ['a newline behind', `sha256:${EMPTY}\n`],
    ['no algorithm', EMPTY],
  ] as const)('refuses: %s', ([, text]) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }));
  });

  test('accepts its own', () => {
    expect(parseDigest(sha256('x'))).toBe(sha256('x'));
  });
});

const [a, b] = [sha256<DiffId>('a'), sha256<DiffId>('b')];
describe('chainIds', () => {
  test.for([
    { name: 'no layers', diffIds: [], want: [] },
    { name: 'one layer is its own chain', diffIds: [a], want: [a] },
    { name: 'each link hashes the parent chain', diffIds: [a, b], want: [a, sha256(`${a} ${b}`)] },
    { name: 'a repeated layer still moves on', diffIds: [a, a], want: [a, sha256(`${a} ${a}`)] },
  ])('$name', ({ diffIds, want }) => {
    expect(chainIds(diffIds)).toEqual(want);
  });
});

describe('layerCompression', () => {
  test.for([
    ['application/vnd.oci.image.layer.v1.tar', 'uncompressed'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
    ['application/vnd.oci.empty.v1+json', undefined],
    ['constructor', undefined],
  ] as const)('%s', ([type, want]) => {
    expect(layerCompression(type)).toBe(want);
  });
});
