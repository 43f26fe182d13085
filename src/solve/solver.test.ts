import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../test/support/memory-store.ts';
import { parseDockerfile } from '../dockerfile/index.ts';
import { planBuild } from '../plan/index.ts';
import { type Entry, filesOf, finish, selectSources, Tree } from '../tree/index.ts';
import { dirNode, entries, fileNode, layerId, listing } from '../tree/testing.ts';
import type { BuildEvent } from './events.ts';
import type { BuildContext, Credentials, RemoteSources, RunRequest, Runtime } from './ports/index.ts';
import { Solver } from './solver.ts';

const scratch = mkdtempSync(join(tmpdir(), 'lapidary-solver-'));
afterAll(() => rmSync(scratch, { recursive: true }));

type Behaviour = (request: RunRequest, signal: AbortSignal) => Promise<Entry[] | number>;

/** A world with everything in memory: a context, and commands that do what the test says. */
class World {
  readonly store = memoryStore(scratch);
  readonly events: BuildEvent[] = [];
  files: Tree = Tree.empty;
  running = 0;
  mostAtOnce = 0;
  behaviour: Behaviour = (request) =>
    Promise.resolve(entries(`made-by/`, `made-by/${(request.argv.at(-1) ?? '').replaceAll('/', '_')}`));
  readonly requests: RunRequest[] = [];

  readonly runtime: Runtime = {
    run: async (request, io) => {
      this.requests.push(request);
      this.running += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
      try {
        io.onOutput('stdout', Buffer.from(`running ${request.argv.at(-1)}\n`));
        const made = await this.behaviour(request, io.signal);
        if (typeof made === 'number') return { ok: false, exitCode: made };
        return { ok: true, layer: await this.store.layers.write(made) };
      } finally {
        this.running -= 1;
      }
    },
    unpack: () => Promise.reject(new Error('nothing here is a blob')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  readonly secrets = new Map<string, string>();
  readonly credentials: Credentials = {
    secretIds: ['password'],
    agentIds: [],
    secret: (id) => {
      const value = this.secrets.get(id);
      return Promise.resolve(value === undefined ? undefined : Buffer.from(value));
    },
    agent: () => Promise.resolve(undefined),
  };

  scans = 0;
  fingerprint: string | undefined;
  readonly context: BuildContext = {
    fingerprint: () => Promise.resolve(this.fingerprint),
    scan: () => {
      this.scans += 1;
      return Promise.resolve(this.files);
    },
    digest: (files) => Promise.resolve(files),
  };

  remote: RemoteSources = {
    http: () => Promise.reject(new Error('no network')),
    git: () => Promise.reject(new Error('no network')),
  };

  async build(
    text: string,
    more: { noCache?: boolean; noCacheStages?: Set<string>; jobs?: number; signal?: AbortSignal } = {},
  ): Promise<{ results: string[]; tree: Tree }> {
    const outcome = planBuild(parseDockerfile({ name: 'Dockerfile', text }), {
      buildArgs: {},
      platform: { os: 'linux', architecture: 'amd64' },
      buildPlatform: { os: 'linux', architecture: 'amd64' },
      labels: {},
      contexts: new Map(),
      images: new Map(),
    });
    if (!outcome.done) throw new Error('an image is missing');
    this.events.length = 0;
    const solver = new Solver(
      {
        facts: this.store.facts,
        layers: this.store.layers,
        layerSource: {
          ensure: () => Promise.reject(new Error('nothing is elsewhere')),
          unpack: (stack) => Promise.resolve(stack.filter((layer) => typeof layer === 'string')),
          missingBytes: () => Promise.resolve(0),
        },
        archives: { unpack: () => Promise.resolve(undefined) },
        remote: this.remote,
        runtime: this.runtime,
        credentials: this.credentials,
        images: new Map(),
        context: () => Promise.resolve(this.context),
        events: { emit: (event) => this.events.push(event) },
        clock: { monotonicMs: () => 0, wallMs: () => 5000 },
      },
      {
        jobs: more.jobs ?? 2,
        noCache: more.noCache ?? false,
        noCacheStages: more.noCacheStages ?? new Set(),
        signal: more.signal ?? new AbortController().signal,
        totals: new Map(),
      },
    );
    const { stack } = await solver.solve(outcome.plan.result.op);
    return { results: this.results(), tree: await solver.trees.of(stack) };
  }

  results(): string[] {
    const titles = new Map(
      this.events.flatMap((event) =>
        event.type === 'step-start' ? [[event.step.id, event.step.title] as const] : [],
      ),
    );
    return this.events.flatMap((event) =>
      event.type === 'step-end' ? [`${titles.get(event.id)}: ${event.result}`] : [],
    );
  }
}

describe('steps', () => {
  test('act on the tree of the step before', async () => {
    const world = new World();
    world.files = Tree.of([entries('a=1', 'd/', 'd/b=2')]);
    const { tree } = await world.build(
      'FROM scratch\nWORKDIR /w\nCOPY a .\nCOPY d /d/\nCOPY <<x /x\ntext\nx\nRUN ["go"]',
    );
    expect(listing(tree)).toEqual(['d/', 'd/b=?', 'made-by/', 'made-by/go=?', 'w/', 'w/a=?', 'x=?']);
  });

  test('that change nothing make no layer, and are hits all the same', async () => {
    const world = new World();
    world.behaviour = () => Promise.resolve([]);
    await world.build('FROM scratch\nRUN ["true"]\nWORKDIR /');
    expect((await world.build('FROM scratch\nRUN ["true"]')).results).toEqual(['RUN ["true"]: hit']);
  });

  test('numeric users need no accounts, named ones are looked up in the image', async () => {
    const world = new World();
    world.files = Tree.of([entries('etc/', 'etc/passwd=app:x:7:8::/:\n', 'etc/group=more:x:9:app\n')]);
    await world.build('FROM scratch\nCOPY . /\nUSER 3:4\nRUN ["a"]\nUSER app\nRUN ["b"]');
    expect(world.requests.map((request) => request.user)).toEqual([
      { uid: 3, gid: 4, groups: [] },
      { uid: 7, gid: 8, groups: [9] },
    ]);
  });
});

describe('the cache', () => {
  const text =
    'FROM scratch AS a\nCOPY in /in\nRUN ["compile"]\nFROM scratch\nCOPY --from=a /made-by /out\nRUN ["pack"]';

  test('hits when nothing changed', async () => {
    const world = new World();
    world.files = Tree.of([entries('in=1')]);
    await world.build(text);
    const again = await world.build(text);
    expect(again.results.every((result) => result.endsWith(': hit'))).toBe(true);
    expect(world.requests).toHaveLength(2);
  });

  test('is keyed by what a stage gives, not by how it came to it', async () => {
    const world = new World();
    world.files = Tree.of([entries('in=1')]);
    await world.build(text);
    world.files = Tree.of([entries('in=2')]);
    expect((await world.build(text)).results).toEqual([
      'COPY in /in: done',
      'RUN ["compile"]: done',
      'COPY --from=a /made-by /out: hit',
      'RUN ["pack"]: hit',
    ]);
  });

  test('forgets a step whose layer is gone', async () => {
    const world = new World();
    await world.build('FROM scratch\nRUN ["x"]');
    for (const [key, value] of world.store.facts.map) {
      if (key.startsWith('step:'))
        world.store.facts.map.set(key, value.replace(/^sha256:.{64}/, layerId(entries('gone'))));
    }
    expect((await world.build('FROM scratch\nRUN ["x"]')).results).toEqual(['RUN ["x"]: done']);
  });

  test('is not read with noCache, but written', async () => {
    const world = new World();
    await world.build('FROM scratch\nRUN ["x"]', { noCache: true });
    expect((await world.build('FROM scratch\nRUN ["x"]', { noCache: true })).results).toEqual([
      'RUN ["x"]: done',
    ]);
    expect((await world.build('FROM scratch\nRUN ["x"]')).results).toEqual(['RUN ["x"]: hit']);
  });

  test('keeps what differs apart', async () => {
    const world = new World();
    const variants = [
      'RUN ["a"]',
      'RUN ["b"]',
      'USER 1\nRUN ["a"]',
      'WORKDIR /w\nRUN ["a"]',
      'ENV x=1\nRUN ["a"]',
      'ARG x=2\nRUN ["a"]',
      'RUN --network=none ["a"]',
    ];
    for (const variant of variants) await world.build(`FROM scratch\n${variant}`);
    expect(world.requests).toHaveLength(variants.length);
  });
});

describe('mounts', () => {
  const files = (used: string, other: string): Tree =>
    Tree.of([entries('used/', `used/f=${used}`, 'other/', `other/f=${other}`, 'a*b=star')]);

  test('of a context count by what is mounted, and come as a layer of their own', async () => {
    const world = new World();
    const text = 'FROM scratch\nRUN --mount=source=used,target=/m ["x"]';
    world.files = files('1', '1');
    await world.build(text);
    world.files = files('1', '2');
    expect((await world.build(text)).results).toEqual([expect.stringContaining('hit')]);
    world.files = files('2', '2');
    expect((await world.build(text)).results).toEqual([expect.stringContaining('done')]);
    const [mount] = world.requests[0]?.mounts ?? [];
    if (mount?.type !== 'bind') throw new Error('no bind mount');
    expect(mount).toMatchObject({ target: '/m', path: '/', readonly: true });
    const [layer] = mount.layers;
    expect((await world.store.layers.read(layer ?? layerId([]))).entries.map(({ path }) => path)).toEqual([
      '',
      'f',
    ]);
  });

  test('have paths and no patterns', async () => {
    const world = new World();
    world.files = files('1', '1');
    await world.build('FROM scratch\nRUN --mount=source=a*b,target=/m ["x"]');
    expect(world.requests[0]?.mounts).toMatchObject([{ path: '/a*b' }]);
    await expect(world.build('FROM scratch\nRUN --mount=source=u*d,target=/m ["x"]')).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: '"/u*d" does not exist in the build context',
    });
  });

  test('of a stage count by what it gives, and are the stage itself', async () => {
    const world = new World();
    const text = (how: string): string =>
      `FROM scratch AS a\nRUN ["${how}"]\nFROM scratch\nRUN --mount=from=a,source=out,target=/m ["y"]`;
    world.behaviour = () => Promise.resolve(entries('out/', 'out/f=1'));
    await world.build(text('one'));
    expect((await world.build(text('two'))).results.at(-1)).toMatch(/hit$/);
    expect(world.requests.at(1)?.mounts).toMatchObject([{ path: '/out', layers: [expect.any(String)] }]);
  });

  test('that differ give different keys, and secrets count by name only', async () => {
    const world = new World();
    world.files = files('1', '1');
    const flags = [
      '',
      '--mount=target=/m',
      '--mount=target=/n',
      '--mount=target=/m,rw',
      '--mount=type=cache,target=/m',
      '--mount=type=cache,target=/m,id=x',
      '--mount=type=cache,target=/m,sharing=locked',
      '--mount=type=tmpfs,target=/m',
      '--mount=type=tmpfs,target=/m,size=1m',
      '--mount=type=secret,id=a',
      '--mount=type=secret,id=b',
      '--mount=type=ssh',
    ];
    for (const flag of flags) await world.build(`FROM scratch\nRUN ${flag} ["x"]`);
    expect(world.requests).toHaveLength(flags.length);
    world.secrets.set('a', 'told');
    for (const flag of flags) await world.build(`FROM scratch\nRUN ${flag} ["x"]`);
    expect(world.requests).toHaveLength(flags.length);
  });

  test('secrets are in no event and no error', async () => {
    const world = new World();
    world.secrets.set('s', 'a-secret-word');
    world.behaviour = () => Promise.resolve(1);
    await expect(
      world.build('FROM scratch\nRUN --mount=type=secret,id=s ["a-secret-word"]'),
    ).rejects.toMatchObject({
      notes: ['its last output:', '  running ***'],
    });
    expect(world.requests[0]?.mounts).toMatchObject([
      { type: 'secret', bytes: Buffer.from('a-secret-word') },
    ]);
    const shown = world.events.flatMap((event) =>
      event.type === 'step-output' ? Buffer.from(event.data).toString() : [],
    );
    expect(shown.join('')).toBe('running ***\n');
  });

  test('a required secret that is not given fails before anything runs', async () => {
    const world = new World();
    const text = 'FROM scratch\nRUN --mount=type=secret,id=pasword,required ["x"]';
    await expect(world.build(text)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      hint: 'build with --secret id=pasword,src=FILE; did you mean the secret password?',
      at: { span: { start: text.indexOf('type='), end: text.indexOf(' ["x"]') } },
    });
    expect(world.requests).toEqual([]);
  });

  test('stages that are executed anew are named', async () => {
    const world = new World();
    const text = 'FROM scratch AS a\nRUN ["x"]\nFROM a AS b\nRUN ["y"]';
    await world.build(text);
    const { results } = await world.build(text, { noCacheStages: new Set(['b']) });
    expect(results).toEqual(['RUN ["x"]: hit', 'RUN ["y"]: done']);
  });
});

describe('concurrency', () => {
  const eight = `${Array.from({ length: 8 }, (_, i) => `FROM scratch AS s${i}\nRUN ["${i}"]\n`).join('')}FROM scratch\n${Array.from({ length: 8 }, (_, i) => `COPY --from=s${i} / /${i}/\n`).join('')}`;

  test.for([1, 3])('at most %i commands run at once, and that many do', async (jobs) => {
    const world = new World();
    world.behaviour = async (request) => {
      await new Promise((resume) => setTimeout(resume, 5));
      return entries(request.argv[0] ?? '');
    };
    await world.build(eight, { jobs });
    expect(world.mostAtOnce).toBe(jobs);
  });

  test('a stage that two others use is built once', async () => {
    const world = new World();
    await world.build(
      'FROM scratch AS s\nRUN ["x"]\nFROM scratch AS a\nCOPY --from=s / /a\nFROM scratch AS b\nCOPY --from=s / /b\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /',
    );
    expect(world.requests).toHaveLength(1);
  });
});

describe('failure', () => {
  test('points at the instruction, tells the exit code and the last output, and is not remembered', async () => {
    const world = new World();
    world.behaviour = () => Promise.resolve(3);
    await expect(world.build('FROM scratch\nRUN ["x"]')).rejects.toMatchObject({
      code: 'RUN_FAILED',
      message: 'the command exited with code 3: x',
      notes: ['its last output:', '  running x'],
      at: { span: { start: 13, end: 22 } },
    });
    world.behaviour = () => Promise.resolve([]);
    expect((await world.build('FROM scratch\nRUN ["x"]')).results).toEqual(['RUN ["x"]: done']);
  });

  test('stops what runs beside it, and the first failure is told', async () => {
    const world = new World();
    world.behaviour = (request, signal) =>
      request.argv[0] === 'bad'
        ? Promise.resolve(1)
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const text =
      'FROM scratch AS a\nRUN ["slow"]\nFROM scratch AS b\nRUN ["bad"]\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /';
    await expect(world.build(text)).rejects.toMatchObject({ message: 'the command exited with code 1: bad' });
    expect(world.results()).toContain('RUN ["slow"]: cancelled');
    expect(world.running).toBe(0);
  });

  test('an abort ends the build with its reason', async () => {
    const world = new World();
    const abort = new AbortController();
    world.behaviour = (_, signal) => {
      abort.abort(new Error('stop it'));
      return Promise.reject(signal.reason as Error);
    };
    await expect(world.build('FROM scratch\nRUN ["x"]', { signal: abort.signal })).rejects.toThrow('stop it');
    expect(world.results()).toEqual(['RUN ["x"]: cancelled']);
  });

  test('of a copy points at the source that is missing', async () => {
    const world = new World();
    world.files = Tree.of([entries('there')]);
    const text = 'FROM scratch\nCOPY there tehre /d/';
    await expect(world.build(text)).rejects.toMatchObject({
      code: 'COPY_NOTHING',
      at: { span: { start: text.indexOf('tehre'), end: text.indexOf(' /d/') } },
      hint: 'did you mean there?',
    });
  });
});

test('a context is only read when its fingerprint is new, and the same key comes of it', async () => {
  const world = new World();
  world.files = Tree.of([entries('a=1', 'b=2')]);
  const text = 'FROM scratch\nCOPY a /';
  for (const [print, scans, result] of [
    [undefined, 1, 'done'],
    ['first', 2, 'hit'],
    ['first', 2, 'hit'],
    ['second', 3, 'hit'],
    [undefined, 4, 'hit'],
  ] as const) {
    world.fingerprint = print;
    const { results } = await world.build(text);
    expect([world.scans, results]).toEqual([scans, [`COPY a /: ${result}`]]);
  }
  world.fingerprint = 'first';
  await world.build('FROM scratch\nCOPY b /');
  expect(world.scans).toBe(5);
});

test('the digests of a context are asked for once for each file', () => {
  const tree = Tree.of([[{ kind: 'node', path: 'a', node: fileNode('1') }], entries('b => a')]);
  expect(finish(filesOf(finish(selectSources(tree, ['a', 'b']))))).toHaveLength(1);
});

describe('a linked copy', () => {
  const FILES = entries(
    'f=1',
    'etc/',
    'etc/passwd=app:x:7:8::/:\n',
    'root/',
    'root/tmp/',
    'root/link -> tmp',
  );
  test('is the same layer on every base, and a hit there', async () => {
    const world = new World();
    world.files = Tree.of([FILES]);
    const line = 'COPY --link --chown=3:4 f /link/f';
    const first = await world.build(`FROM scratch\nCOPY root /\n${line}\nRUN ["a"]`);
    expect(first.results).toEqual(['COPY root /: done', `${line}: done`, 'RUN ["a"]: done']);
    // It does not go through the link of the base, but takes its place
    expect(listing(first.tree)).toContain('link/f=?');
    const second = await world.build(`FROM scratch\nCOPY f /other\n${line}\nRUN ["a"]`);
    expect(second.results).toEqual(['COPY f /other: done', `${line}: hit`, 'RUN ["a"]: done']);
    expect(listing(second.tree)).toEqual(['link/', 'link/f=?', 'made-by/', 'made-by/a=?', 'other=?']);
  });

  test('has directories of its own, root 755', async () => {
    const world = new World();
    world.files = Tree.of([[{ kind: 'node', path: 'root/tmp', node: dirNode({ mode: 0o1777 }) }], FILES]);
    const { tree } = await world.build('FROM scratch\nCOPY root /\nCOPY --link f /tmp/f');
    expect(tree.get('tmp')?.inode).toMatchObject({ mode: 0o755, uid: 0, gid: 0 });
  });

  test('with names of users depends on what they are in the base, and on nothing else of it', async () => {
    const world = new World();
    world.files = Tree.of([FILES]);
    const line = 'COPY --link --chown=app f /f';
    const { tree } = await world.build(`FROM scratch\nCOPY etc /etc\n${line}`);
    expect(tree.get('f')?.inode).toMatchObject({ uid: 7, gid: 8 });
    const again = await world.build(`FROM scratch\nCOPY . /\n${line}`);
    expect(again.results.at(-1)).toBe(`${line}: hit`);
  });

  // BuildKit makes it an ordinary copy, so that modes of the base's directories stay
  test('that changes modes is an ordinary copy', async () => {
    const world = new World();
    world.files = Tree.of([FILES]);
    const { tree } = await world.build('FROM scratch\nCOPY root /\nCOPY --link --chmod=600 f /link/f');
    expect(listing(tree)).toEqual(['link -> tmp', 'tmp/', 'tmp/f=?']);
  });
});

test.for<{ name: string; line: string; want: string[] }>([
  { name: 'below the root', line: 'a/b/c.txt /p/', want: ['p/', 'p/a/', 'p/a/b/', 'p/a/b/c.txt'] },
  { name: 'of a directory', line: 'a/b /p', want: ['p/', 'p/a/', 'p/a/b/', 'p/a/b/c.txt'] },
  { name: 'below the pivot', line: 'a/./b/c.txt /p', want: ['p/', 'p/b/', 'p/b/c.txt'] },
  { name: 'of all below the pivot', line: './a/./ /p', want: ['p/', 'p/b/', 'p/b/c.txt', 'p/package.json'] },
  {
    name: 'on all levels',
    line: '**/package.json /p',
    want: ['p/', 'p/a/', 'p/a/package.json', 'p/x/', 'p/x/y/', 'p/x/y/package.json'],
  },
  { name: 'by a wildcard before the pivot', line: './*/./package.json /p', want: ['p/', 'p/package.json'] },
  {
    name: 'without what is excluded',
    line: '--exclude=a **/package.json /p',
    want: ['p/', 'p/x/', 'p/x/y/', 'p/x/y/package.json'],
  },
  { name: 'of nothing', line: '**/nope /p', want: ['p/'] },
])('COPY --parents keeps the directories $name', async ({ line, want }) => {
  const world = new World();
  world.files = Tree.of([
    entries('a/', 'a/b/', 'a/b/c.txt', 'a/package.json', 'x/', 'x/y/', 'x/y/package.json'),
  ]);
  const { tree } = await world.build(`FROM scratch\nCOPY --parents ${line}`);
  expect(listing(tree).map((path) => path.replace('=?', ''))).toEqual(want);
});

test('COPY --parents takes the mode of a directory that is there, but leaves its owner', async () => {
  const world = new World();
  const at = (path: string, mode: number): Entry => ({ kind: 'node', path, node: dirNode({ mode }) });
  world.files = Tree.of([[at('a', 0o750), at('old', 0o755), at('old/a', 0o777)], entries('a/f')]);
  const { tree } = await world.build('FROM scratch\nCOPY --chown=5 old /\nCOPY --parents --chown=6 a/f /');
  expect(tree.get('a')?.inode).toMatchObject({ mode: 0o750, uid: 5 });
  expect(tree.get('a/f')?.inode).toMatchObject({ uid: 6 });
});

test('WORKDIR gives a directory to the user, whose number alone is the group as well', async () => {
  const world = new World();
  const { tree } = await world.build('FROM scratch\nUSER 1000\nWORKDIR /a/b');
  expect(tree.get('a')?.inode).toMatchObject({ uid: 1000, gid: 1000, mode: 0o755 });
  expect(tree.get('a/b')?.inode).toMatchObject({ uid: 1000, gid: 1000, mode: 0o755 });
});

test('several matches that become one file are warned of', async () => {
  const world = new World();
  world.files = Tree.of([entries('a.txt', 'b.txt')]);
  const { tree } = await world.build('FROM scratch\nCOPY *.txt /x');
  expect(listing(tree)).toEqual(['x=?']);
  expect(world.events).toContainEqual(
    expect.objectContaining({
      type: 'warning',
      message: expect.stringContaining('2 files are copied to "/x"') as string,
    }),
  );
});
