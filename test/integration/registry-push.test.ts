import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type BuildRequest,
  type BuildResult,
  build,
  Lapidary,
  parseImagePlace,
} from '../../src/build/index.ts';
import { parseIndex, parseManifest } from '../../src/oci/index.ts';
import type { BuildEvent } from '../../src/solve/index.ts';
import { Workspace } from '../support/cli.ts';
import { AMD64, ARM64 } from '../support/make-image.ts';
import { makeTar } from '../support/make-tar.ts';
import { putImage, putIndex } from '../support/registry/put-image.ts';
import { TestRegistry } from '../support/registry/test-registry.ts';

const BASE = makeTar([{ path: 'base', data: 'base'.repeat(500_000) }]);

let registry: TestRegistry;
let workspace: Workspace;
beforeEach(async () => {
  [registry, workspace] = await Promise.all([TestRegistry.start(), Workspace.create()]);
});
afterEach(async () => {
  const [violation] = registry.violations;
  await Promise.all([registry[Symbol.asyncDispose](), workspace[Symbol.asyncDispose]()]);
  if (violation !== undefined) throw new Error(violation);
});

const named = (name: string): string => `${registry.host}/${name}`;
const events: BuildEvent[] = [];

async function run(dockerfile: string, more: Partial<BuildRequest> = {}): Promise<BuildResult> {
  const context = await workspace.files('context', { x: 'new', Dockerfile: dockerfile });
  const request = { context: { type: 'directory', path: context }, platforms: [AMD64], ...more } as const;
  events.length = 0;
  return build(request, { store: workspace.store, onEvent: (event) => events.push(event) });
}

const push = { outputs: [{ type: 'registry', names: [] }] } as const;
const transfers = (result: string): number =>
  events.filter((event) => event.type === 'transfer-end' && event.result === result).length;
const manifestAt = (name: string, tag: string): Buffer => {
  const { tags, manifests } = registry.storage.repository(name);
  return manifests.get(tags.get(tag) ?? '')?.bytes ?? Buffer.alloc(0);
};

describe('a build that pushes', () => {
  test('mounts the layers of its base, and never fetches one', async () => {
    const { layers, config } = await putImage(registry.storage, 'base', { tars: [BASE], tag: '1' });
    const result = await run(`FROM ${named('base:1')}\nENV A=1`, {
      tags: [named('app:1'), named('app:2')],
      ...push,
    });
    const asked = registry.requests({ method: 'GET', endpoint: 'blob' }).map(({ route }) => route.reference);
    expect(asked).toEqual([config]);
    expect(transfers('mounted')).toBe(1);
    const sent = registry.log.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    expect(sent).toBeLessThan(10_000);
    const manifest = manifestAt('app', '1');
    expect(manifest.equals(manifestAt('app', '2'))).toBe(true);
    expect(parseManifest(manifest).layers.map(({ digest }) => digest)).toEqual([layers[0]?.digest]);
    expect(result.pushed).toEqual([named('app:1'), named('app:2')]);
    expect(result.descriptor?.digest).toBe(registry.storage.repository('app').tags.get('1'));
  });

  test('copies onto a base whose entries are known without fetching it again', async () => {
    await putImage(registry.storage, 'base', { tars: [BASE], tag: '1' });
    await run(`FROM ${named('base:1')}\nCOPY x /first`);
    const before = registry.log.length;
    await run(`FROM ${named('base:1')}\nCOPY x /second`, { tags: [named('app:1')], ...push });
    const asked = registry.log
      .slice(before)
      .filter(({ method, route }) => method === 'GET' && route.endpoint === 'blob');
    expect(asked).toEqual([]);
    expect(transfers('mounted')).toBe(1);
  });

  test('sends what is new while it is compressed, and the second time nothing', async () => {
    await run('FROM scratch\nCOPY x /x', { tags: [named('app:1')], ...push });
    expect(transfers('done')).toBe(2);
    const { layers } = parseManifest(manifestAt('app', '1'));
    await run('FROM scratch\nCOPY x /x', { tags: [named('app:1')], ...push });
    expect(transfers('exists')).toBe(2);
    expect(parseManifest(manifestAt('app', '1')).layers).toEqual(layers);
  });

  test('tells before it builds that it may not push', async () => {
    registry.faults.add({ do: 'status', status: 403, method: 'POST', endpoint: 'upload-start', times: 10 });
    await expect(run('FROM scratch\nCOPY x /x', { tags: [named('app:1')], ...push })).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
    });
    expect(events.filter(({ type }) => type === 'step-start')).toEqual([]);
  });

  test('by digest moves no tag', async () => {
    const output = { type: 'registry', names: [named('app')], byDigest: true } as const;
    const { pushed, descriptor } = await run('FROM scratch\nCOPY x /x', { outputs: [output] });
    expect(pushed).toEqual([`${named('app')}@${descriptor?.digest}`]);
    expect([...registry.storage.repository('app').tags]).toEqual([]);
  });

  test('without a name is an error before anything is done', async () => {
    await expect(run('FROM scratch\nCOPY x /x', push)).rejects.toMatchObject({ code: 'USAGE' });
    expect(registry.log).toEqual([]);
  });

  test('goes on after a connection is lost in the middle', async () => {
    await writeFile((await workspace.files('context', {})) + '/big', Buffer.alloc(300_000, 'no compression'));
    registry.faults.add({ do: 'drop', afterBytes: 1000, method: 'PATCH', endpoint: 'upload', times: 1 });
    registry.faults.add({ do: 'drop', method: 'PUT', endpoint: 'upload', times: 1 });
    await run('FROM scratch\nCOPY big /x', { tags: [named('app:1')], ...push });
    expect(parseManifest(manifestAt('app', '1')).layers).toHaveLength(1);
  });

  test('by the command line tells digest and names', async () => {
    const context = await workspace.files('context', { x: 'new', Dockerfile: 'FROM scratch\nCOPY x /x' });
    const metadata = workspace.path('m.json');
    await workspace.ok(['build', '-q', '--push', '-t', named('app:1'), '--metadata-file', metadata, context]);
    const document = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, unknown>;
    const digest = registry.storage.repository('app').tags.get('1');
    expect(document).toMatchObject({ 'containerimage.digest': digest, 'image.name': named('app:1') });
  });
});

describe('images that are moved', () => {
  async function moved<T>(work: (tools: ReturnType<Lapidary['tools']>) => Promise<T>): Promise<T> {
    await using lapidary = await Lapidary.open({ store: workspace.store });
    await using tools = lapidary.tools();
    return await work(tools);
  }
  const place = (text: string): ReturnType<typeof parseImagePlace> => parseImagePlace(text, workspace.dir);

  test('a pulled one is pushed with the digest it had', async () => {
    const { manifest } = await putImage(registry.storage, 'base', { tars: [BASE], tag: '1', docker: true });
    await moved((tools) => tools.pull(named('base:1'), AMD64));
    const { digest } = await moved((tools) =>
      tools.push({ image: named('base:1'), destinations: [named('copy:1')] }),
    );
    expect(digest).toBe(manifest.digest);
    expect(registry.storage.repository('copy').tags.get('1')).toBe(manifest.digest);
  });

  test('an index goes from registry to layout to archive to store to registry, and stays what it is', async () => {
    const one = await putImage(registry.storage, 'app', { tars: [BASE] });
    const other = await putImage(registry.storage, 'app', { tars: [BASE], platform: ARM64 });
    const index = putIndex(registry.storage, 'app', { manifests: [one.manifest, other.manifest], tag: '1' });
    const steps = [named('app:1'), 'oci:layout:1', 'oci-archive:a.tar:1', named('again:1')];
    for (const [i, from] of steps.slice(0, -1).entries()) {
      const digest = await moved((tools) => tools.copy({ from: place(from), to: place(steps[i + 1] ?? '') }));
      expect(digest).toBe(index.digest);
    }
    expect(parseIndex(manifestAt('again', '1')).manifests.map(({ digest }) => digest)).toEqual([
      one.manifest.digest,
      other.manifest.digest,
    ]);
    await moved((tools) => tools.copy({ from: place('oci:layout:1'), to: place('store:app:2') }));
    await using lapidary = await Lapidary.open({ store: workspace.store });
    expect((await lapidary.inspect('app:2', ARM64)).image.manifest?.digest).toBe(other.manifest.digest);
  });

  test('within one registry nothing is sent; one platform comes alone', async () => {
    const one = await putImage(registry.storage, 'app', { tars: [BASE] });
    const other = await putImage(registry.storage, 'app', { tars: [BASE], platform: ARM64 });
    putIndex(registry.storage, 'app', { manifests: [one.manifest, other.manifest], tag: '1' });
    const request = { from: place(named('app:1')), to: place(named('arm:1')), platform: ARM64 };
    expect(await moved((tools) => tools.copy(request))).toBe(other.manifest.digest);
    const bytes = registry.requests({ endpoint: 'blob' }).filter(({ bytesOut }) => bytesOut > 1000);
    expect(bytes).toEqual([]);
  });

  test('tags are listed, and manifests removed by digest', async () => {
    const { manifest } = await putImage(registry.storage, 'app', { tars: [BASE], tag: '1' });
    expect(await moved((tools) => tools.tags(named('app')))).toEqual(['1']);
    await expect(moved((tools) => tools.remove(named('app')))).rejects.toMatchObject({ code: 'USAGE' });
    await moved((tools) => tools.remove(`${named('app')}@${manifest.digest}`));
    expect(await moved((tools) => tools.tags(named('app')))).toEqual([]);
  });

  test('are inspected where they are', async () => {
    const { manifest } = await putImage(registry.storage, 'app', {
      tars: [BASE],
      tag: '1',
      config: { User: 'u' },
    });
    const raw = await workspace.ok(['inspect', '--raw', named('app:1')]);
    expect(raw).toBe(manifestAt('app', '1').toString());
    expect(await workspace.ok(['inspect', '--digest', named('app:1')])).toBe(`${manifest.digest}\n`);
    const flags = ['--platform', 'linux/amd64', '-f', '{{.Config.User}}'];
    expect(await workspace.ok(['inspect', ...flags, `docker://${named('app:1')}`])).toBe('u\n');
  });
});
