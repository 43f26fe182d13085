import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Index, parseIndex, parseManifest } from '../../src/oci/index.ts';
import { Workspace } from '../support/cli.ts';
import { run } from '../support/registry/containers-store.ts';
import { RealRegistry } from '../support/registry/real-registry.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let context: string;
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  await work.busyboxBase();
  context = await work.files('context', {
    Dockerfile: `FROM --platform=$BUILDPLATFORM base AS tool
RUN cat /proc/sys/kernel/random/uuid > /tool
FROM --platform=$BUILDPLATFORM tool AS cross
ARG TARGETARCH TARGETVARIANT
RUN echo "made for $TARGETARCH$TARGETVARIANT" > /out
FROM scratch
COPY --from=cross /out /out
COPY --from=tool /tool /tool
CMD ["/out"]
`,
  });
});

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
const ALL = ['--platform', 'linux/amd64,arm64', '--platform', 'linux/arm'];
const EPOCH = ['--source-date-epoch', '0'];
const blob = (layout: string, digest: string): Promise<Buffer> =>
  readFile(work.path(layout, 'blobs/sha256', digest.slice('sha256:'.length)));

async function indexIn(layout: string): Promise<{ readonly digest: string; readonly index: Index }> {
  const [line] = parseIndex(await readFile(work.path(layout, 'index.json'))).manifests;
  const digest = line?.digest ?? '';
  return { digest, index: parseIndex(await blob(layout, digest)) };
}

const platformsOf = ({ manifests }: Index): string[] =>
  manifests.map(({ platform: { os, architecture, variant } = { os: '', architecture: '' } }) =>
    [os, architecture, variant].filter(Boolean).join('/'),
  );

type Step = { readonly title: string; readonly platform: string; readonly result: string };
async function steps(args: readonly string[]): Promise<Step[]> {
  const { code, stderr } = await work.run(['build', '--progress', 'rawjson', ...args]);
  if (code !== 0) throw new Error(stderr);
  type Event = { type: string; id: number; result: string; step: Step & { id: number } };
  const events = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Event);
  const started = events.filter(({ type }) => type === 'step-start').map(({ step }) => step);
  return started.map(({ id, title, platform }) => {
    const end = events.find((event) => event.type === 'step-end' && event.id === id);
    return { title, platform, result: end?.result ?? '' };
  });
}

describe('a build for several platforms', () => {
  test('runs pinned stages once and gives one index; the same again gives the same bytes', async () => {
    const layout = (name: string): string[] => ['-o', `type=oci,tar=false,dest=${work.path(name)}`];
    const first = await steps([...EPOCH, ...ALL, '-t', 'multi', ...layout('one'), context]);
    expect(first.filter(({ title }) => title.includes('uuid'))).toEqual([
      { title: expect.any(String), platform: 'linux/amd64', result: 'done' },
    ]);
    expect(
      first
        .filter(({ title }) => title.includes('made for'))
        .map(({ platform }) => platform)
        .sort(),
    ).toEqual(['linux/amd64', 'linux/amd64->arm/v7', 'linux/amd64->arm64']);
    const { digest, index } = await indexIn('one');
    expect(platformsOf(index)).toEqual(PLATFORMS);
    for (const { digest: manifest, platform } of index.manifests) {
      const { config } = parseManifest(await blob('one', manifest));
      expect(JSON.parse(String(await blob('one', config.digest)))).toMatchObject(platform ?? {});
    }

    const again = await steps([...EPOCH, ...ALL, ...layout('two'), context]);
    expect(again.every(({ result }) => result === 'hit')).toBe(true);
    expect((await indexIn('two')).digest).toBe(digest);

    const [md, iid] = [work.path('metadata'), work.path('iid')];
    const quiet = await work.ok([
      'build',
      '-q',
      ...EPOCH,
      ...ALL,
      '--metadata-file',
      md,
      '--iidfile',
      iid,
      context,
    ]);
    expect([quiet, await readFile(iid, 'utf8')]).toEqual([`${digest}\n`, digest]);
    const metadata = JSON.parse(await readFile(md, 'utf8')) as Record<string, unknown>;
    expect(metadata).toMatchObject({ 'containerimage.digest': digest });
    expect(metadata).not.toHaveProperty('containerimage.config.digest');
  });

  test('is one name in the store, and every command picks a platform', async () => {
    const variant = (...more: string[]): Promise<string> =>
      work.ok(['inspect', '-f', '{{.Os}} {{.Architecture}} {{.Variant}}', ...more, 'multi']);
    expect(await variant()).toBe('linux amd64 \n');
    expect(await variant('--platform', 'linux/arm')).toBe('linux arm v7\n');
    const { code, stderr } = await work.run(['inspect', '--platform', 'linux/s390x', 'multi']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`it is there for ${PLATFORMS.join(', ')}`)]);
    const rows = await work.ok(['images', '--format', '{{.Repository}} {{.Platform}}', 'multi']);
    expect(rows.split('\n').filter(Boolean).sort()).toEqual(PLATFORMS.map((name) => `multi ${name}`).sort());
    expect(await work.ok(['images', 'multi'])).toContain('PLATFORM');
    expect(await work.ok(['images', 'base'])).not.toContain('PLATFORM');
    const ids = await Promise.all(
      PLATFORMS.map((name) =>
        work.ok(['history', '--platform', name, '--no-trunc', '--format', '{{.ID}}', 'multi']),
      ),
    );
    expect(new Set(ids).size).toBe(3);

    await work.ok(['save', '--format', 'oci', '-o', work.path('all.tar'), 'multi']);
    await work.ok(['save', '--platform', 'linux/arm64', '-o', work.path('arm64.tar'), 'multi']);
    await work.ok(['rmi', 'multi']);
    await work.ok(['load', '-i', work.path('arm64.tar')]);
    expect(await variant()).toBe('linux arm64 \n');
    await work.ok(['load', '-i', work.path('all.tar')]);
    expect(await variant('--platform', 'linux/arm/v7')).toBe('linux arm v7\n');
  });

  test('has a directory for each platform where files are written', async () => {
    await work.ok(['build', ...ALL, '-o', work.path('files'), context]);
    expect((await readdir(work.path('files'))).sort()).toEqual([
      'linux_amd64',
      'linux_arm64',
      'linux_arm_v7',
    ]);
    expect(await readFile(work.path('files/linux_arm_v7/out'), 'utf8')).toBe('made for armv7\n');
    await work.ok(['build', ...ALL, '-o', `type=tar,dest=${work.path('files.tar')}`, context]);
    expect((await run('tar', 'tf', work.path('files.tar'))).split('\n')).toContain('linux_arm64/tool');
    const mixed = `type=tar,platform-split=false,dest=${work.path('mixed.tar')}`;
    const { code, stderr } = await work.run(['build', ...ALL, '-o', mixed, context]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('"/out" is there for linux/amd64 and for linux/arm64'),
    ]);
    await work.ok(['build', '-o', `type=local,platform-split=true,dest=${work.path('single')}`, context]);
    expect(await readdir(work.path('single'))).toEqual(['linux_amd64']);
  });

  test('is pushed as an index, one platform of it alone when that is asked for', async () => {
    await using registry = await RealRegistry.start();
    const name = `${registry.host}/team/app`;
    await work.ok(['build', ...EPOCH, ...ALL, '-t', `${name}:1`, '--push', context]);
    const inspected = async (tag: string): Promise<string[]> =>
      platformsOf(
        JSON.parse(await run('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}:${tag}`)),
      );
    expect(await inspected('1')).toEqual(PLATFORMS);
    await work.ok(['push', `${name}:1`, `${name}:2`]);
    expect(await inspected('2')).toEqual(PLATFORMS);
    await work.ok(['push', '--platform', 'linux/arm64', `${name}:1`, `${name}:3`]);
    await work.ok(['pull', '--platform', 'linux/arm64', `${name}:3`]);
    expect(await work.ok(['inspect', '-f', '{{.Architecture}}', `${name}:3`])).toBe('arm64\n');
  });

  test.for([
    [
      'a Docker archive',
      ['-o', 'type=docker,dest=x.tar', ...ALL],
      'a Docker archive holds one platform only',
    ],
    ['all platforms of nothing', ['--all-platforms'], 'no base image of the build tells'],
    ['both', ['--all-platforms', ...ALL], '--platform and --all-platforms exclude each other'],
    ['a malformed one', ['--platform', 'linux/amd64,a/b/c/d'], 'not a platform: "a/b/c/d"'],
  ] as const)('refuses %s before anything is run', async ([, args, text]) => {
    const { code, stderr } = await work.run(['build', '--no-cache', '--progress', 'plain', ...args, context]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(text);
    expect(stderr).not.toContain('RUN');
  });

  test('is for all platforms of the bases, and fails as a whole', async () => {
    await work.ok(['build', ...ALL, '-t', 'offers', context]);
    const all = await work.files('all', { Dockerfile: 'FROM offers\nCOPY Dockerfile /d' });
    await work.ok(['build', '--all-platforms', '-t', 'all', all]);
    const rows = await work.ok(['images', '--format', '{{.Platform}}', 'all']);
    expect(rows.split('\n').filter(Boolean).sort()).toEqual([...PLATFORMS].sort());
    const failing = await work.files('failing', {
      Dockerfile:
        'FROM --platform=$BUILDPLATFORM base AS b\nARG TARGETARCH\nRUN test $TARGETARCH = amd64\nFROM scratch\nCOPY --from=b /bin/sh /sh',
    });
    const { code, stderr } = await work.run(['build', ...ALL, '-t', 'never', failing]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('RUN test $TARGETARCH = amd64')]);
    expect(await work.ok(['images', '-q', 'never'])).toBe('');
  });

  test('is the same when several machines build a part each', async () => {
    const [whole, one, two, merged] = ['whole', 'one', 'two', 'merged'].map((name) =>
      work.path(`shards-${name}`),
    );
    const args = (dest: string | undefined): string[] => [
      '-o',
      `type=oci,tar=false,dest=${dest}`,
      '-t',
      'parts',
    ];
    await work.ok(['build', ...EPOCH, ...ALL, ...args(whole), context]);
    await work.ok(['rmi', 'parts']);
    await work.ok(['build', ...EPOCH, ...ALL, '--shard', '1/2', ...args(one), context]);
    await work.ok(['build', ...EPOCH, ...ALL, '--shard', '2/2', ...args(two), context]);
    // A part is no image
    expect(await work.ok(['images', '-q', 'parts'])).toBe('');
    const other = { env: { LAPIDARY_STORE: work.path('store-of-another-machine') } };
    const digest = await work.ok(
      ['merge', '-o', `type=oci,tar=false,dest=${merged}`, one ?? '', two ?? ''],
      other,
    );
    expect(digest.trim()).toBe((await indexIn('shards-whole')).digest);
    expect(platformsOf((await indexIn('shards-merged')).index)).toEqual(PLATFORMS);
    expect(await work.ok(['inspect', '-f', '{{.Variant}}', '--platform', 'linux/arm', 'parts'], other)).toBe(
      'v7\n',
    );

    await using registry = await RealRegistry.start();
    const name = `${registry.host}/team/parts:1`;
    const pushed = await work.ok(['merge', '-q', '-t', name, '--push', one ?? '', two ?? ''], other);
    expect(pushed).toBe(`${name}@${digest}`);
    expect(await work.ok(['inspect', '--digest', name], other)).toBe(digest);
  });

  test.for([
    ['twice the same', ['merge', 'shards-one', 'shards-one'], 'linux/amd64 is there twice'],
    ['a shard that is none', ['build', '--shard', '3/2', '.'], '--shard is not understood: "3/2"'],
    [
      'a shard of nothing',
      ['build', '--shard', '2/2', '-o', 'type=oci,dest=x.tar', 'context'],
      'nothing is left to build for the shard 2/2',
    ],
    [
      'a shard in a registry',
      ['build', '--shard', '1/2', '--push', '-t', 'x.io/y', 'context'],
      'a shard is written to an OCI layout',
    ],
  ] as const)('refuses %s', async ([, args, text]) => {
    const { code, stderr } = await work.run(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  });
});
