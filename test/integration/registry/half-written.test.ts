import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/index.ts';
import { Workspace } from '../../support/cli.ts';
import { type Seeded, seedImage } from '../../support/registry/seed.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';

let stack: AsyncDisposableStack;
let work: Workspace;
let registry: TestRegistry;
let image: Seeded;
let name: string;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  work = stack.use(await Workspace.create());
  registry = stack.use(await TestRegistry.start());
  image = await seedImage(registry, 'team/app:1', { path: 'data', data: randomBytes(300_000) });
  name = `${registry.host}/team/app:1`;
});
afterEach(() => stack.disposeAsync());

const filesOf = async (dir: string): Promise<string[]> => {
  const found = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};
/** Every blob of the store is what its name says, and no image has a name. */
async function expectNothingVisible(): Promise<void> {
  expect(await work.ok(['images', '-q'])).toBe('');
  for (const path of await filesOf(join(work.store, 'blobs'))) {
    expect(path).toContain(sha256(await readFile(path)).slice(7));
  }
}
const blobGets = (): readonly (string | undefined)[] =>
  registry.requests({ method: 'GET', path: image.layer.digest }).map(({ headers }) => headers.range);

describe('a pull', () => {
  test.for([
    { name: 'a wrong digest', fault: { do: 'corrupt', atByte: 200_000, times: 100 } },
    { name: 'a wrong size', fault: { do: 'resize', by: 5, times: 100 } },
    { name: 'a body without end', fault: { do: 'endless', times: 100 } },
  ] as const)('of $name leaves nothing, and the next one finds all', async ({ fault }) => {
    registry.faults.add({ endpoint: 'blob', path: image.layer.digest, ...fault });
    const { code, stderr } = await work.run(['pull', '-q', name]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error\[(?:DIGEST_MISMATCH|REGISTRY_FAILED)\]/m);
    await expectNothingVisible();
    const other = stack.use(await TestRegistry.start());
    await seedImage(other, 'team/app:1', { path: 'data', data: 'small' });
    await work.ok(['pull', '-q', `${other.host}/team/app:1`]);
  });

  test('that is killed leaves nothing visible, and the next one goes on where it was', async () => {
    const { digest, size } = image.layer;
    registry.faults.add({ endpoint: 'blob', path: digest, do: 'stall-body', atByte: 200_000 });
    const child = work.start(['pull', '-q', name]);
    const onDisk = async (): Promise<number> => {
      const sizes = (await filesOf(work.store)).map(
        async (path) => (await stat(path).catch(() => ({ size: 0 }))).size,
      );
      return Math.max(0, ...(await Promise.all(sizes)));
    };
    await expect.poll(onDisk, { timeout: 30_000 }).toBeGreaterThan(150_000);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await expectNothingVisible();
    await work.ok(['pull', '-q', name]);
    const [first, second] = blobGets();
    expect(first).toBeUndefined();
    expect(Number(/^bytes=(\d+)-/.exec(second ?? '')?.[1])).toBeGreaterThan(150_000);
    expect(registry.requests({ path: digest }).at(-1)?.bytesOut).toBeLessThan(size - 150_000);
  });
});

describe('a push', () => {
  test.for([
    { name: 'whose manifest is refused', fault: { method: 'PUT', endpoint: 'manifest' } },
    { name: 'whose blob is refused', fault: { method: 'PUT', endpoint: 'upload' } },
  ] as const)('$name moves no tag', async ({ fault }) => {
    const context = await work.files('context', { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'a' });
    registry.faults.add({ ...fault, do: 'status', status: 403 });
    const target = `${registry.host}/team/new:1`;
    const { code, stderr } = await work.run(['build', '-q', '--push', '-t', target, context]);
    expect(code).toBe(1);
    expect(stderr).toContain('error[REGISTRY_DENIED]');
    const tags = (): readonly string[] => [
      ...(registry.storage.repositories.get('team/new')?.tags.keys() ?? []),
    ];
    expect(tags()).toEqual([]);
    await work.ok(['build', '-q', '--push', '-t', target, context]);
    expect(tags()).toEqual(['1']);
    expect(registry.violations).toEqual([]);
  });
});
