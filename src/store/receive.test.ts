import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, sha256 } from '../oci/index.ts';
import { openStore, type Store } from './open-store.ts';
import type { Rest } from './partial-blobs.ts';

let root: string;
let store: Store;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-receive-'));
  store = await openStore(root);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const BYTES = Buffer.from('0123456789'.repeat(1000));
const BLOB = { digest: sha256(BYTES), size: BYTES.length };
const partial = (): Promise<string[]> => readdir(join(root, 'partial'));

/** A source as a registry is one: verifies the whole at its end. `breakAt` is where the connection is lost. */
function remote(bytes: Buffer, asked: number[], breakAt = Number.POSITIVE_INFINITY): Rest {
  return async function* rest({ size, hash }) {
    asked.push(size);
    for (let at = size; at < bytes.length; at += 100) {
      if (at >= breakAt) throw new Error('connection lost');
      const chunk = bytes.subarray(at, at + 100);
      hash.update(chunk);
      yield chunk;
    }
    if (`sha256:${hash.digest('hex')}` !== BLOB.digest) throw new Error('other bytes');
  };
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('receive', () => {
  test('passes on what arrives, and the blob is there afterwards', async () => {
    const seen: boolean[] = [];
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.blobs.receive(BLOB, remote(BYTES, []))) {
      seen.push(await store.blobs.has(BLOB.digest));
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(BYTES)).toBe(true);
    expect(seen).not.toContain(true);
    expect(await store.blobs.readBytes(BLOB.digest)).toEqual(BYTES);
    expect(await partial()).toEqual([]);
  });

  test('goes on after a lost connection, and gives the reader everything again', async () => {
    const asked: number[] = [];
    await expect(all(store.blobs.receive(BLOB, remote(BYTES, asked, 4000)))).rejects.toThrow('lost');
    expect(await store.blobs.has(BLOB.digest)).toBe(false);
    const bytes = await all(store.blobs.receive(BLOB, remote(BYTES, asked)));
    expect(asked).toEqual([0, 4000]);
    expect(bytes.equals(BYTES)).toBe(true);
    expect(await store.blobs.has(BLOB.digest)).toBe(true);
  });

  test('keeps what came when the reader gives up', async () => {
    for await (const _ of store.blobs.receive(BLOB, remote(BYTES, []))) break;
    const asked: number[] = [];
    await all(store.blobs.receive(BLOB, remote(BYTES, asked)));
    expect(asked).toEqual([100]);
  });

  test('in another process goes on where a killed one was', async () => {
    const module = JSON.stringify(new URL('./open-store.ts', import.meta.url).href);
    const script = `import { openStore } from ${module};
      const store = await openStore(${JSON.stringify(root)});
      const rest = async function* () { yield Buffer.from('${'0123456789'.repeat(10)}'); await new Promise(() => setInterval(() => {}, 1000)); };
      for await (const _ of store.blobs.receive(${JSON.stringify(BLOB)}, rest)) console.log('got');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await store[Symbol.asyncDispose]();
    store = await openStore(root);
    const asked: number[] = [];
    const bytes = await all(store.blobs.receive(BLOB, remote(BYTES, asked)));
    expect(asked).toEqual([100]);
    expect(bytes.equals(BYTES)).toBe(true);
  });

  test('two at once do not write to one file', async () => {
    const both = [1, 2].map(() => all(store.blobs.receive(BLOB, remote(BYTES, []))));
    for (const bytes of await Promise.all(both)) expect(bytes.equals(BYTES)).toBe(true);
    expect(await store.blobs.readBytes(BLOB.digest)).toEqual(BYTES);
  });

  test.for([
    { name: 'fewer bytes', bytes: BYTES.subarray(1) },
    { name: 'more bytes', bytes: Buffer.concat([BYTES, BYTES]) },
  ])('of $name than promised leaves nothing behind', async ({ bytes }) => {
    const unchecked: Rest = async function* rest() {
      yield bytes;
    };
    await expect(all(store.blobs.receive(BLOB, unchecked))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await store.blobs.has(BLOB.digest)).toBe(false);
    expect(await partial()).toEqual([]);
  });

  test('whose beginning on disk is damaged finds out at the end, and begins anew', async () => {
    const wrong = Buffer.alloc(4000, 'x');
    const half: Rest = async function* rest() {
      yield wrong;
      throw new Error('lost');
    };
    await expect(all(store.blobs.receive(BLOB, half))).rejects.toThrow('lost');
    const { LapidaryError } = await import('../errors/index.ts');
    const checked: Rest = async function* rest(have) {
      yield BYTES.subarray(have.size);
      throw new LapidaryError('DIGEST_MISMATCH', 'other bytes');
    };
    await expect(all(store.blobs.receive(BLOB, checked))).rejects.toThrow('other bytes');
    const asked: number[] = [];
    await all(store.blobs.receive(BLOB, remote(BYTES, asked)));
    expect(asked).toEqual([0]);
  });

  test('verifies what was whole on disk but never got its name', async () => {
    const stops: Rest = async function* rest() {
      yield BYTES;
      throw new Error('killed before the rename');
    };
    await expect(all(store.blobs.receive(BLOB, stops))).rejects.toThrow('killed');
    const never: Rest = () => {
      throw new Error('nothing is missing');
    };
    expect((await all(store.blobs.receive(BLOB, never))).equals(BYTES)).toBe(true);
  });
});

describe('spool', () => {
  test('is read while it is written, by everybody from the beginning', async () => {
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one ');
      await steps[0]?.promise;
      yield Buffer.from('two');
      await steps[1]?.promise;
    }
    const spool = store.blobs.spool(source());
    const early = spool.open()[Symbol.asyncIterator]();
    expect(String((await early.next()).value)).toBe('one ');
    steps[0]?.resolve();
    expect(String((await early.next()).value)).toBe('two');
    steps[1]?.resolve();
    expect((await early.next()).done).toBe(true);
    const digest: Digest = sha256('one two');
    expect(await spool.done).toEqual({ digest, size: 7 });
    expect(String(await all(spool.open()))).toBe('one two');
    expect(String(await store.blobs.readBytes(digest))).toBe('one two');
  });

  test('fails for its readers as it fails itself, and leaves nothing', async () => {
    const gate = Promise.withResolvers<void>();
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      await gate.promise;
      throw new Error('cannot be made');
    }
    const spool = store.blobs.spool(source());
    const reading = all(spool.open());
    gate.resolve();
    await expect(reading).rejects.toThrow('cannot be made');
    await expect(spool.done).rejects.toThrow('cannot be made');
    await expect(all(spool.open())).rejects.toThrow('cannot be made');
  });
});
