import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Descriptor } from '../oci/index.ts';
import { mergeManifests } from './layout-directory.ts';
import { verified } from './metered.ts';
import { FileOutput, openOutput } from './output.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-output-'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('FileOutput', () => {
  test('is at its destination after commit, and not before', async () => {
    const dest = join(scratch, 'x.tar');
    await using file = await FileOutput.open(dest);
    await file.write(Buffer.from('hello '));
    await file.write(Buffer.from('world'));
    expect(await readdir(scratch)).toEqual([expect.stringMatching(/^\.x\.tar\.lapidary-[0-9a-f]{12}$/)]);
    await file.commit();
    expect([await readFile(dest, 'utf8'), file.size]).toEqual(['hello world', 11]);
  });

  test('without commit is nowhere', async () => {
    {
      await using file = await FileOutput.open(join(scratch, 'x.tar'));
      await file.write(Buffer.from('hello'));
    }
    expect(await readdir(scratch)).toEqual([]);
  });

  test('clears away what a killed export of the same destination left an hour ago', async () => {
    const names = [
      '.x.tar.lapidary-000000000000',
      '.x.tar.lapidary-111111111111',
      '.y.tar.lapidary-000000000000',
    ];
    const [old, recent, other] = names as [string, string, string];
    for (const name of names) await writeFile(join(scratch, name), '');
    const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const name of [old, other]) await utimes(join(scratch, name), hoursAgo, hoursAgo);
    await (await FileOutput.open(join(scratch, 'x.tar')))[Symbol.asyncDispose]();
    expect(await readdir(scratch)).toEqual([recent, other]);
  });
});

test('a device is written in place', async () => {
  await using device = await openOutput({ dest: '/dev/null', stdout: undefined, signal: undefined });
  await device.write(Buffer.from('gone'));
  await device.commit();
  expect(device.size).toBe(4);
});

describe('verified', () => {
  const HELLO = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  test.for([
    { name: 'what was promised passes', sent: 'hello', size: 5, want: 'hello' },
    { name: 'too little', sent: 'hell', size: 5, want: '4 bytes instead of 5' },
    { name: 'too much is noticed before the end', sent: 'hello!', size: 5, want: 'more than 5 bytes' },
    { name: 'other bytes', sent: 'HELLO', size: 5, want: 'has the digest sha256:' },
  ])('$name', async ({ sent, size, want }) => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(sent);
      if (want.startsWith('more')) throw new Error('read on');
    }
    const reading = text(verified(source(), { what: 'blob x', digest: HELLO, size }));
    await expect(reading.catch((error: Error) => error.message)).resolves.toContain(want);
  });
});

const line = (id: string, name?: string, tag?: string): Descriptor => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${id.repeat(64)}` as Descriptor['digest'],
  size: 1,
  annotations: {
    ...(name === undefined ? {} : { 'io.containerd.image.name': name }),
    ...(tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag }),
  },
});

describe('mergeManifests', () => {
  test.for([
    { name: 'another name is kept', known: [line('a', 'x:1', '1')], added: [line('b', 'y:1', '1')], kept: 1 },
    { name: 'the same name moves', known: [line('a', 'x:1', '1')], added: [line('b', 'x:1', '1')], kept: 0 },
    {
      name: 'a bare tag is taken over',
      known: [line('a', undefined, '1')],
      added: [line('b', 'x:1', '1')],
      kept: 0,
    },
    {
      name: 'another bare tag is kept',
      known: [line('a', undefined, '2')],
      added: [line('b', 'x:1', '1')],
      kept: 1,
    },
    {
      name: 'a nameless line of the same image goes',
      known: [line('a')],
      added: [line('a', 'x:1', '1')],
      kept: 0,
    },
    { name: 'a nameless line of another image stays', known: [line('a')], added: [line('b')], kept: 1 },
    {
      name: 'a name stays when its image comes nameless',
      known: [line('a', 'x:1', '1')],
      added: [line('a')],
      kept: 1,
    },
  ])('$name', ({ known, added, kept }) => {
    expect(mergeManifests(known, added)).toEqual([...known.slice(0, kept), ...added]);
  });
});
