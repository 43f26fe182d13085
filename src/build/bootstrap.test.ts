import { describe, expect, test } from 'vitest';
import { type Digest, parsePlatform } from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import { withPlatform } from './bootstrap.ts';

const image = (platform: string, id: string): StoredImage => ({
  id: `sha256:${id.repeat(64)}` as Digest,
  platform: parsePlatform(platform),
  layers: [],
});
const names = (images: readonly StoredImage[]): string[] =>
  images.map(({ platform, id }) => `${platform.architecture}${platform.variant ?? ''} ${id[7]}`);

describe('a name that is bootstrapped once more', () => {
  test.for([
    ['for nothing that is there', [], 'linux/arm64', ['arm64 f']],
    ['for another platform, which goes behind', ['linux/amd64'], 'linux/arm64', ['amd64 0', 'arm64 f']],
    [
      'for the same platform, in its place',
      ['linux/amd64', 'linux/arm64'],
      'linux/amd64',
      ['amd64 f', 'arm64 1'],
    ],
    ['for another variant', ['linux/arm/v6'], 'linux/arm/v7', ['armv6 0', 'armv7 f']],
    ['for the same platform by another spelling', ['linux/aarch64'], 'linux/arm64', ['arm64 f']],
  ] as const)('%s', ([, there, made, wanted]) => {
    const before = there.map((platform, i) => image(platform, String(i)));
    expect(names(withPlatform(before, image(made, 'f')))).toEqual(wanted);
  });
});
