import { describe, expect, test } from 'vitest';
import { KEYRING, mmdebstrapArguments } from './debian-arguments.ts';

const MIRROR = 'http://mirror.example/debian';
const selection = {
  suite: 'trixie',
  slim: false,
  platform: { os: 'linux', architecture: 'amd64' },
  include: [],
  allowExpired: false,
};

describe('mmdebstrapArguments', () => {
  test('verifies signatures and writes a tar to standard output', () => {
    const args = mmdebstrapArguments(selection, MIRROR);
    expect(args).toContain(`--keyring=${KEYRING}`);
    expect(args).toContain('--format=tar');
    expect(args.slice(-3)).toEqual(['trixie', '-', MIRROR]);
  });

  test('never has options that turn verification off', () => {
    for (const allowExpired of [false, true]) {
      const args = mmdebstrapArguments({ ...selection, allowExpired }, MIRROR).join(' ');
      expect(args).not.toMatch(/trusted|AllowInsecure|Unauthenticated|skip=(?!check\/qemu)/i);
    }
  });

  test('accepts expired Release files only when asked', () => {
    const option = '--aptopt=Acquire::Check-Valid-Until "false"';
    expect(mmdebstrapArguments(selection, MIRROR)).not.toContain(option);
    expect(mmdebstrapArguments({ ...selection, allowExpired: true }, MIRROR)).toContain(option);
  });

  test('leaves documentation out of slim ones only', () => {
    const option = '--dpkgopt=path-exclude=/usr/share/man/*';
    expect(mmdebstrapArguments(selection, MIRROR)).not.toContain(option);
    expect(mmdebstrapArguments({ ...selection, slim: true }, MIRROR)).toContain(option);
  });

  test('names packages in one option', () => {
    const include = ['g++', 'libc6:i386', 'crystal=1.14.0+dfsg-1'];
    expect(mmdebstrapArguments({ ...selection, include }, MIRROR)).toContain(
      '--include=g++,libc6:i386,crystal=1.14.0+dfsg-1',
    );
  });

  test.for([
    { platform: { os: 'linux', architecture: 'arm64' }, want: 'arm64' },
    { platform: { os: 'linux', architecture: 'arm', variant: 'v7' }, want: 'armhf' },
    { platform: { os: 'linux', architecture: '386' }, want: 'i386' },
    { platform: { os: 'linux', architecture: 'ppc64le' }, want: 'ppc64el' },
  ])('calls $platform.architecture $want', ({ platform, want }) => {
    expect(mmdebstrapArguments({ ...selection, platform }, MIRROR)).toContain(`--architectures=${want}`);
  });

  test.for([
    { name: 'an option as the suite', change: { suite: '--mode=root' }, code: 'USAGE' },
    { name: 'a path as the suite', change: { suite: '../etc' }, code: 'USAGE' },
    { name: 'two packages in one', change: { include: ['a,b'] }, code: 'USAGE' },
    { name: 'an option as a package', change: { include: ['-o'] }, code: 'USAGE' },
    { name: 'a pattern of apt', change: { include: ['?priority(required)'] }, code: 'USAGE' },
    { name: 'a file as the mirror', change: {}, mirror: '/etc/passwd', code: 'USAGE' },
    {
      name: 'another system',
      change: { platform: { os: 'windows', architecture: 'amd64' } },
      code: 'UNSUPPORTED',
    },
  ])('refuses $name', ({ change, mirror = MIRROR, code }) => {
    expect(() => mmdebstrapArguments({ ...selection, ...change }, mirror)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
