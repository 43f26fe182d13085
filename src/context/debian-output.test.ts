import { describe, expect, test } from 'vitest';
import { bootstrapError, CleanLines } from './debian-output.ts';

describe('CleanLines', () => {
  test.for([
    { name: 'lines across chunks', chunks: ['I: on', 'e\nI: two\n'], want: ['I: one', 'I: two'] },
    { name: 'a last line without an end', chunks: ['done'], want: ['done'] },
    { name: 'carriage returns', chunks: ['10%\r20%\r\n'], want: ['10%', '20%'] },
    { name: 'blank lines', chunks: ['\n \n\n'], want: [] },
    { name: 'a password', chunks: ['E: http://me:word@host/x\n'], want: ['E: http://host/x'] },
  ])('$name', ({ chunks, want }) => {
    const seen: string[] = [];
    const lines = new CleanLines((line) => seen.push(line));
    for (const chunk of chunks) lines.push(chunk);
    lines.end();
    expect(seen).toEqual(want);
    expect(lines.last).toEqual(want);
  });

  test('keeps the last lines and bounds their length', () => {
    const lines = new CleanLines(() => undefined);
    for (let number = 1; number <= 25; number++) lines.push(`${number}\n`);
    lines.push(`${'x'.repeat(100_000)}\n`);
    expect(lines.last).toHaveLength(10);
    expect(lines.last.at(-2)).toBe('25');
    expect(lines.last.at(-1)?.length).toBeLessThanOrEqual(2000);
  });
});

describe('bootstrapError', () => {
  test.for([
    {
      name: 'an expired Release file',
      line: 'E: Release file for http://mirror.example/debian/dists/trixie/InRelease is expired (invalid since 3d 4h 1min 2s). Updates for this repository will not be applied.',
      hint: '--allow-expired',
    },
    {
      name: 'an unknown key',
      line: "W: GPG error: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0123",
      hint: 'debian-archive-keyring',
    },
    { name: 'an unknown package', line: 'E: Unable to locate package crystall', hint: '--include' },
    {
      name: 'an unknown suite',
      line: "E: The repository 'http://mirror.example/debian nosuch Release' does not have a Release file.",
      hint: 'suite',
    },
    { name: 'no network', line: "W: Could not resolve 'mirror.example'", hint: 'network' },
    { name: 'anything else', line: 'E: something odd', hint: 'mmdebstrap' },
  ])('$name', ({ line, hint }) => {
    const error = bootstrapError('trixie', ['I: running apt-get update...', line]);
    expect(error.code).toBe('BOOTSTRAP_FAILED');
    expect(error.hint).toContain(hint);
    expect(error.notes).toContain(line);
  });
});
