import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPlatform, hostPlatform, matchPlatform, parsePlatform } from './platform.ts';
import type { Platform } from './types.ts';

const windows = (version: string): Platform => ({
  os: 'windows',
  architecture: 'amd64',
  'os.version': version,
});

describe('parsePlatform', () => {
  test.for([
    ['plain', 'linux/amd64', 'linux/amd64'],
    ['kernel name of amd64', 'linux/x86_64', 'linux/amd64'],
    ['the first variant is none', 'linux/amd64/v1', 'linux/amd64'],
    ['a higher variant stays', 'linux/amd64/v3', 'linux/amd64/v3'],
    ['kernel name of arm64', 'linux/aarch64', 'linux/arm64'],
    ['default variant of arm64', 'linux/arm64/v8', 'linux/arm64'],
    ['default variant of arm64 as a number', 'linux/arm64/8', 'linux/arm64'],
    ['arm64 v9', 'linux/arm64/9', 'linux/arm64/v9'],
    ['arm is v7', 'linux/arm', 'linux/arm/v7'],
    ['arm with a bare number', 'linux/arm/6', 'linux/arm/v6'],
    ['hard float', 'linux/armhf', 'linux/arm/v7'],
    ['soft float', 'linux/armel', 'linux/arm/v6'],
    ['i386', 'linux/i386', 'linux/386'],
    ['upper case', 'Linux/AMD64', 'linux/amd64'],
    ['macOS', 'macos/arm64', 'darwin/arm64'],
    ['an architecture alone is Linux', 'riscv64', 'linux/riscv64'],
    ['an unknown one passes', 'plan9/weird/v2', 'plan9/weird/v2'],
  ] as const)('%s: %s', ([, text, want]) => {
    const platform = parsePlatform(text);
    expect(formatPlatform(platform)).toBe(want);
    expect(parsePlatform(want)).toEqual(platform);
  });

  test.for([
    ['empty', ''],
    ['empty architecture', 'linux/'],
    ['empty variant', 'linux/arm/'],
    ['four parts', 'linux/arm/v7/x'],
    ['space', 'linux/arm 64'],
    ['an operating system alone', 'linux'],
    ['comma', 'linux/amd64,linux/arm64'],
    ['overlong', `linux/${'a'.repeat(65)}`],
  ] as const)('refuses: %s', ([, text]) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID' }));
  });

  test('normal form is stable', () => {
    const part = fc.stringMatching(/^[a-z0-9_.-]{1,6}$/);
    fc.assert(
      fc.property(part, part, part, (os, architecture, variant) => {
        const platform = parsePlatform(`${os}/${architecture}/${variant}`);
        expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
      }),
    );
  });
});

describe('matchPlatform', () => {
  test.for([
    ['exact', 'linux/arm64', ['linux/amd64', 'linux/arm64'], 1],
    ['nothing fits', 'linux/arm64', ['linux/amd64', 'linux/s390x'], undefined],
    ['nothing offered', 'linux/arm64', [], undefined],
    ['another system', 'linux/amd64', ['windows/amd64'], undefined],
    ['the first of equals', 'linux/amd64', ['linux/amd64', 'linux/amd64/v1'], 0],
    ['arm v7 prefers v7', 'linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 2],
    ['arm v7 takes v6 before v5', 'linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 1],
    ['arm v6 does not take v7', 'linux/arm/v6', ['linux/arm/v7'], undefined],
    ['arm v5 takes v5 only', 'linux/arm/v5', ['linux/arm/v6', 'linux/arm/v5'], 1],
    ['amd64 v3 takes v2 before v1', 'linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2'], 1],
    ['amd64 v3 takes v1', 'linux/amd64/v3', ['linux/amd64'], 0],
    ['amd64 does not take v2', 'linux/amd64', ['linux/amd64/v2'], undefined],
    ['amd64 runs 386', 'linux/amd64', ['linux/386'], 0],
    ['amd64 prefers amd64 to 386', 'linux/amd64', ['linux/386', 'linux/amd64'], 1],
    ['386 does not run amd64', 'linux/386', ['linux/amd64'], undefined],
    ['arm64 runs arm, highest first', 'linux/arm64', ['linux/arm/v6', 'linux/arm/v7'], 1],
    ['arm64 v9 takes arm64', 'linux/arm64/v9', ['linux/arm64'], 0],
    ['arm64 v8.2 takes v8.1 before v8', 'linux/arm64/v8.2', ['linux/arm64', 'linux/arm64/v8.1'], 1],
    ['arm64 v9.1 takes v9 before v8.6', 'linux/arm64/v9.1', ['linux/arm64/v8.6', 'linux/arm64/v9'], 1],
    ['an unknown variant still matches itself', 'linux/arm64/x', ['linux/arm64', 'linux/arm64/x'], 1],
    ['a spelling of the offer', 'linux/arm64', ['linux/aarch64/v8'], 0],
  ] as const)('%s', ([, wanted, offered, want]) => {
    const platforms = offered.map((text) => {
      const [os = '', architecture = '', variant] = text.split('/');
      return { os, architecture, ...(variant && { variant }) };
    });
    expect(matchPlatform(parsePlatform(wanted), platforms)).toBe(want);
  });

  test('entries without a platform never match', () => {
    expect(matchPlatform(parsePlatform('linux/amd64'), [undefined, parsePlatform('linux/amd64')])).toBe(1);
  });

  test('a wanted version must be the offered one', () => {
    expect(matchPlatform(windows('10.0.2'), [windows('10.0.1'), windows('10.0.2')])).toBe(1);
  });
});

describe('hostPlatform', () => {
  test.for([
    ['x64', 'linux', 'linux/amd64'],
    ['arm64', 'linux', 'linux/arm64'],
    ['arm', 'linux', 'linux/arm/v7'],
    ['ia32', 'linux', 'linux/386'],
    ['ppc64', 'linux', 'linux/ppc64le'],
    ['riscv64', 'linux', 'linux/riscv64'],
    ['x64', 'win32', 'windows/amd64'],
    ['arm64', 'darwin', 'darwin/arm64'],
    ['constructor', 'linux', 'linux/constructor'],
  ] as const)('%s on %s', ([arch, os, want]) => {
    expect(formatPlatform(hostPlatform(arch, os))).toBe(want);
  });
});
