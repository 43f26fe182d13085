import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { Entry } from '../../src/tree/index.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-crash-'));
});
afterEach(() => rm(root, { recursive: true }));

const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
const contents = 'contents of the file';
const file = `{ type: 'file', mode: 420, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: ${contents.length},
  digest: sha256('${contents}'), content: { kind: 'bytes', bytes: Buffer.from('${contents}') } }`;
const entries: Entry[] = [
  {
    kind: 'node',
    path: 'f',
    node: {
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 0,
      size: contents.length,
      digest: sha256(contents),
      content: { kind: 'bytes', bytes: Buffer.from(contents) },
    },
  },
];

/**
 * Does one thing with the store in a process of its own that kills itself right before its `n`th rename, so with the
 * new file written and not yet in place. Returns whether it came that far.
 */
async function killedBeforeRename(n: number, action: string): Promise<boolean> {
  const script = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const rename = fs.renameSync;
    let left = ${n};
    fs.renameSync = (from, to) => {
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      rename(from, to);
    };
    syncBuiltinESMExports();
    const { openStore } = await import(${here('../../src/store/index.ts')});
    const { sha256 } = await import(${here('../../src/oci/index.ts')});
    const store = await openStore(${JSON.stringify(join(root, 'store'))});
    ${action}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(code ?? signal).toBe(code === null ? 'SIGKILL' : 0);
  return signal === 'SIGKILL';
}

const image = `[{ id: sha256('new'), platform: { os: 'linux', architecture: 'amd64' }, layers: [] }]`;
const ACTIONS: readonly { name: string; action: string }[] = [
  { name: 'makes the store', action: '' },
  { name: 'puts a fact', action: `await store.facts.put('key', 'new')` },
  { name: 'puts a blob', action: `await store.blobs.putBytes(Buffer.from('blob'))` },
  {
    name: 'writes a layer',
    action: `await store.layers.write([{ kind: 'node', path: 'f', node: ${file} }])`,
  },
  { name: 'moves a tag', action: `await store.images.tag('docker.io/library/a:1', ${image})` },
];

describe('killed between writing and renaming', () => {
  test.for(ACTIONS)('while it $name: the next process has the old or the new', async ({ action }) => {
    if (action !== '') await (await openStore(join(root, 'store')))[Symbol.asyncDispose]();
    let n = 1;
    for (; await killedBeforeRename(n, action); n++) {
      const store = await openStore(join(root, 'store'));
      expect(await readdir(join(root, 'store', 'work'))).toHaveLength(1);
      expect(await store.facts.get('key')).toBeUndefined();
      expect(await store.blobs.has(sha256('blob'))).toBe(false);
      expect(await readdir(store.paths.layers)).toEqual([]);
      expect(await store.images.list()).toEqual([]);
      await store[Symbol.asyncDispose]();
    }
    expect(n).toBeGreaterThan(1);
    const store = await openStore(join(root, 'store'));
    const layer = await store.layers.write(entries);
    const [entry] = (await store.layers.read(layer.id)).entries;
    const node = entry?.kind === 'node' && entry.node.type === 'file' ? entry.node : undefined;
    expect(node && Buffer.from(await store.layers.readContent(node)).toString()).toBe(contents);
    await store[Symbol.asyncDispose]();
  });

  test('many processes that make one store at once all succeed', async () => {
    const script = `const { openStore } = await import(${here('../../src/store/index.ts')});
      const store = await openStore(${JSON.stringify(join(root, 'store'))});
      await store.facts.put('key', 'value'); await store[Symbol.asyncDispose]();`;
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' }),
    );
    const codes = await Promise.all(
      children.map(async (child) => ((await once(child, 'exit')) as [number])[0]),
    );
    expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
    const store = await openStore(join(root, 'store'));
    expect(await store.facts.get('key')).toBe('value');
    await store[Symbol.asyncDispose]();
  });
});
