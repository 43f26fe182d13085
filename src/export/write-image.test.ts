import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MemoryStore, memoryStore } from '../../test/support/memory-store.ts';
import { archive, builtLayer, file, imageOf } from '../../test/support/stored-image.ts';
import { writeImage } from './write-image.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-export-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('a destination', () => {
  test.for([
    { name: 'a directory', dest: '.', text: 'is a directory' },
    { name: 'in no directory', dest: 'none/a.tar', text: 'its directory does not exist' },
    { name: 'below a file', dest: 'file/a.tar', text: 'not a directory' },
  ])('that is $name is an error that says so', async ({ dest, text }) => {
    await writeFile(join(scratch, 'file'), '');
    const output = archive(join(scratch, dest));
    const writing = writeImage({ images: [await imageOf(store, [])], references: [], output }, store);
    await expect(writing).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
      message: expect.stringContaining(text),
    });
  });

  test('that is a link stays one', async () => {
    await writeFile(join(scratch, 'real.tar'), 'old');
    await symlink('real.tar', join(scratch, 'link.tar'));
    const output = archive(join(scratch, 'link.tar'));
    const { size } = await writeImage({ images: [await imageOf(store, [])], references: [], output }, store);
    expect(await readFile(join(scratch, 'real.tar'))).toHaveLength(size);
  });

  test('"-" is the stream of the request, which is not ended', async () => {
    const stdout = new PassThrough({ highWaterMark: 10 });
    const received: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => void received.push(chunk));
    const image = await imageOf(store, [await builtLayer(store, file('a', 'x'.repeat(200_000)))]);
    const { size } = await writeImage(
      { images: [image], references: [], output: archive('-'), stdout },
      store,
    );
    expect(Buffer.concat(received)).toHaveLength(size);
    expect(stdout.writableEnded).toBe(false);
    expect(stdout.listenerCount('error') + stdout.listenerCount('close')).toBe(0);
  });

  test('that breaks as a stream is an error with its cause', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
    });
    const writing = writeImage(
      { images: [await imageOf(store, [])], references: [], output: archive('-'), stdout },
      store,
    );
    await expect(writing).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
      message: expect.stringContaining('went away'),
    });
  });

  test('"-" without a stream is an error', async () => {
    const writing = writeImage(
      { images: [await imageOf(store, [])], references: [], output: archive('-') },
      store,
    );
    await expect(writing).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
  });
});

test('an abort rejects with its reason and leaves nothing', async () => {
  const image = await imageOf(store, [await builtLayer(store, file('a', 'x'.repeat(100_000)))]);
  const controller = new AbortController();
  const reason = new Error('enough');
  const stdout = new Writable({
    write: (_chunk, _encoding, _never) => controller.abort(reason),
    highWaterMark: 1,
  });
  const { signal } = controller;
  const toStream = writeImage(
    { images: [image], references: [], output: archive('-'), stdout, signal },
    store,
  );
  await expect(toStream).rejects.toBe(reason);
  const output = archive(join(scratch, 'a.tar'));
  await expect(writeImage({ images: [image], references: [], output, signal }, store)).rejects.toBe(reason);
  expect(await readdir(scratch)).toEqual(['blobs']);
});
