import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../../support/cli.ts';
import { run } from '../../support/registry/containers-store.ts';
import { RealRegistry } from '../../support/registry/real-registry.ts';
import { type Seeded, seedImage } from '../../support/registry/seed.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';

const MB = 1_000_000;
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let registry: TestRegistry;
let base: Seeded;
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  registry = stack.use(await TestRegistry.start());
  base = await seedImage(registry, 'library/large:1', { path: 'large', data: Buffer.alloc(300 * MB, 'x') });
});

describe('a build that only copies, with --link, onto a base of 300 MB', () => {
  const context = (from: string): Promise<string> =>
    work.files('context', { Dockerfile: `FROM ${from}\nCOPY --link hello /hello\n`, hello: 'hello' });

  test('and pushes to the registry of the base moves its own layer and little else', async () => {
    const from = `${registry.host}/library/large:1`;
    registry.log.length = 0;
    await work.ok(['build', '--push', '-t', `${registry.host}/team/app:1`, await context(from)]);
    const moved = registry.log.reduce((sum, { bytesIn, bytesOut }) => sum + bytesIn + bytesOut, 0);
    expect(moved).toBeLessThan(MB);
    expect(registry.requests({ method: 'GET', path: base.layer.digest })).toEqual([]);
    expect(
      registry.requests({ method: 'POST', path: `mount=${encodeURIComponent(base.layer.digest)}` }),
    ).toMatchObject([{ status: 201 }]);
    expect(registry.storage.repositories.get('team/app')?.tags.has('1')).toBe(true);
    expect(registry.violations).toEqual([]);
  });

  test('does so with docker-registry too', async () => {
    await using real = await RealRegistry.start();
    const from = `${real.host}/library/large:1`;
    const source = `docker://${registry.host}/library/large:1`;
    await run(
      'skopeo',
      'copy',
      '--insecure-policy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      '--dest-compress=false',
      source,
      `docker://${from}`,
    );
    const before = (await real.log()).length;
    await work.ok(['build', '--no-cache', '--push', '-t', `${real.host}/team/app:1`, await context(from)]);
    const log = (await real.log()).slice(before);
    expect(log.reduce((sum, { bytesOut }) => sum + bytesOut, 0)).toBeLessThan(MB);
    const mounts = log.filter(({ method, path }) => method === 'POST' && path.includes('mount='));
    expect(mounts).toMatchObject([{ status: 201 }]);
    expect(log.filter(({ method, path }) => method === 'GET' && path.includes(base.layer.digest))).toEqual(
      [],
    );
  });
});

describe('a build that only copies, without --link, onto a base that the store does not know', () => {
  const copied = (from: string, text: string): Promise<string> =>
    work.files('plain', { Dockerfile: `FROM ${from}\nCOPY hello /hello\n`, hello: text });

  test('fetches the base once, says why, and never sends it back', async () => {
    const { layer } = await seedImage(registry, 'library/plain:1', {
      path: 'plain',
      data: Buffer.alloc(5 * MB, 'x'),
    });
    const from = `${registry.host}/library/plain:1`;
    const build = async (text: string): Promise<string> => {
      const context = await copied(from, text);
      const { code, stderr } = await work.run([
        'build',
        '--progress=plain',
        '--push',
        '-t',
        `${registry.host}/team/plain:1`,
        context,
      ]);
      expect(code).toBe(0);
      return stderr;
    };
    registry.log.length = 0;
    const told = 'to know what Dockerfile:2 copies onto; with --link they would not be';
    expect(await build('one')).toContain(told);
    expect(registry.requests({ method: 'GET', path: layer.digest })).toHaveLength(1);
    expect(await build('two')).not.toContain(told);
    expect(registry.requests({ method: 'GET', path: layer.digest })).toHaveLength(1);
    expect(registry.log.reduce((sum, { bytesIn }) => sum + bytesIn, 0)).toBeLessThan(MB);
    expect(registry.violations).toEqual([]);
  });
});
