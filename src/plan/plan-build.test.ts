import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../dockerfile/index.ts';
import { LapidaryError, positionOf } from '../errors/index.ts';
import type { ContainerConfig, ImageConfig } from '../oci/index.ts';
import type { CopyOp, Op, RunCommand } from './op.ts';
import { planBuild } from './plan-build.ts';
import type { Plan, PlanOptions } from './types.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const amd64 = { os: 'linux', architecture: 'amd64' };
const image = (config: ContainerConfig): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  config,
  rootfs: { type: 'layers', diff_ids: [] },
});
const images = new Map([
  [
    'alpine linux/amd64',
    image({ Env: ['PATH=/bin', 'FROM_BASE=yes'], Cmd: ['/bin/sh'], WorkingDir: '/base' }),
  ],
  ['bare linux/amd64', image({})],
  ['trigger linux/amd64', image({ OnBuild: ['COPY app /app', 'RUN make'] })],
  ['onbuild-user linux/amd64', image({ OnBuild: ['USER b'] })],
  ['alpine linux/arm64', { ...image({ Env: ['ARM=1'] }), architecture: 'arm64' }],
]);
const options: PlanOptions = {
  buildArgs: {},
  platform: amd64,
  buildPlatform: amd64,
  labels: {},
  contexts: new Map(),
  images,
};

function plan(text: string, more: Partial<PlanOptions> = {}): Plan {
  const outcome = planBuild(parseDockerfile({ name: 'Dockerfile', text }), { ...options, ...more });
  if (!outcome.done) throw new Error(`missing: ${outcome.missing.map((need) => need.key).join(', ')}`);
  return outcome.plan;
}

/** The ops behind a result from the base upwards. */
function chain(op: Op): Op[] {
  return 'base' in op ? [...chain(op.base), op] : [op];
}
function runs(text: string, more: Partial<PlanOptions> = {}): RunCommand[] {
  return chain(plan(text, more).result.op).flatMap((op) => (op.op === 'run' ? op.command : []));
}
function copies(text: string, more: Partial<PlanOptions> = {}): CopyOp[] {
  return chain(plan(text, more).result.op).flatMap((op) => (op.op === 'copy' ? op : []));
}
const config = (text: string, more: Partial<PlanOptions> = {}): ContainerConfig =>
  plan(text, more).result.config;

describe('configuration', () => {
  test.for<{ name: string; text: string; want: Readonly<Record<string, unknown>> }>([
    { name: 'inherits from the base', text: 'FROM alpine', want: { Cmd: ['/bin/sh'], WorkingDir: '/base' } },
    { name: 'scratch has a search path', text: 'FROM scratch', want: { WorkingDir: '/' } },
    {
      name: 'ENV adds and replaces in place',
      text: 'FROM alpine\nENV PATH=/x:$PATH B=2',
      want: { Env: ['PATH=/x:/bin', 'FROM_BASE=yes', 'B=2'] },
    },
    {
      name: 'ENV sees the state before the instruction',
      text: 'FROM bare\nENV a=1\nENV a=2 b=$a',
      want: { Env: [PATH, 'a=2', 'b=1'] },
    },
    {
      name: 'CMD in shell form is wrapped',
      text: 'FROM bare\nCMD echo hi',
      want: { Cmd: ['/bin/sh', '-c', 'echo hi'] },
    },
    {
      name: 'SHELL wraps what follows',
      text: 'FROM bare\nSHELL ["/bin/bash","-ec"]\nCMD x',
      want: { Cmd: ['/bin/bash', '-ec', 'x'] },
    },
    {
      name: 'ENTRYPOINT forgets an inherited CMD',
      text: 'FROM alpine\nENTRYPOINT ["/e"]',
      want: { Entrypoint: ['/e'] },
    },
    {
      name: 'ENTRYPOINT keeps a CMD of this stage',
      text: 'FROM alpine\nCMD ["c"]\nENTRYPOINT ["/e"]',
      want: { Entrypoint: ['/e'], Cmd: ['c'] },
    },
    {
      name: 'EXPOSE with protocol and range',
      text: 'FROM bare\nEXPOSE 80 53/UDP 7000-7001',
      want: { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '7000/tcp': {}, '7001/tcp': {} } },
    },
    {
      name: 'VOLUME in JSON form',
      text: 'FROM bare\nVOLUME ["/a", "/b"]',
      want: { Volumes: { '/a': {}, '/b': {} } },
    },
    {
      name: 'USER and STOPSIGNAL expand',
      text: 'FROM bare\nARG u=app\nENV s=SIGINT\nUSER $u\nSTOPSIGNAL $s',
      want: { User: 'app', StopSignal: 'SIGINT' },
    },
    {
      name: 'WORKDIR is relative to the one before',
      text: 'FROM alpine\nWORKDIR a\nWORKDIR ../b',
      want: { WorkingDir: '/base/b' },
    },
    {
      name: 'HEALTHCHECK in nanoseconds',
      text: 'FROM bare\nHEALTHCHECK --interval=10s --retries=2 CMD curl -f x',
      want: { Healthcheck: { Test: ['CMD-SHELL', 'curl -f x'], Interval: 1e10, Retries: 2 } },
    },
    {
      name: 'HEALTHCHECK NONE',
      text: 'FROM bare\nHEALTHCHECK NONE',
      want: { Healthcheck: { Test: ['NONE'] } },
    },
    {
      name: 'LABEL merges',
      text: 'FROM bare\nLABEL a=1 b="two words"',
      want: { Labels: { a: '1', b: 'two words' } },
    },
    { name: 'ONBUILD is kept for later', text: 'FROM bare\nONBUILD RUN x', want: { OnBuild: ['RUN x'] } },
  ])('$name', ({ text, want }) => {
    expect(config(text)).toMatchObject(want);
  });

  test('an ENTRYPOINT leaves no inherited CMD behind', () => {
    expect(config('FROM alpine\nENTRYPOINT ["/e"]')).not.toHaveProperty('Cmd');
  });

  test('labels of the caller come last', () => {
    expect(config('FROM bare\nLABEL a=1', { labels: { a: '2' } }).Labels).toEqual({ a: '2' });
  });
});

/** The environment of the first RUN, its search path left out. */
function env(text: string, buildArgs: Record<string, string> = {}): readonly string[] {
  return runs(text, { buildArgs })[0]?.env.filter((line) => !line.startsWith('PATH=')) ?? [];
}

describe('arguments', () => {
  test.for<{ name: string; text: string; args?: Record<string, string>; want: string[] }>([
    { name: 'default', text: 'FROM bare\nARG a=1\nRUN x', want: ['a=1'] },
    {
      name: 'the caller wins over the default',
      text: 'FROM bare\nARG a=1\nRUN x',
      args: { a: '2' },
      want: ['a=2'],
    },
    { name: 'without value it is not set', text: 'FROM bare\nARG a\nRUN x', want: [] },
    { name: 'undeclared is not seen', text: 'FROM bare\nRUN x', args: { a: '2' }, want: [] },
    { name: 'global needs a redeclaration', text: 'ARG a=1\nFROM bare\nRUN x', want: [] },
    { name: 'redeclared global keeps its default', text: 'ARG a=1\nFROM bare\nARG a\nRUN x', want: ['a=1'] },
    { name: 'ENV beats ARG', text: 'FROM bare\nARG a=1\nENV a=env\nRUN x', want: ['a=env'] },
    {
      name: 'defaults see earlier arguments',
      text: 'FROM bare\nARG a=1\nARG b=$a-2\nRUN x',
      want: ['a=1', 'b=1-2'],
    },
    {
      name: 'platform arguments need a declaration',
      text: 'FROM bare\nARG TARGETARCH\nRUN x',
      want: ['TARGETARCH=amd64'],
    },
    {
      name: 'a stage based on a stage inherits',
      text: 'FROM bare AS a\nARG v=1\nFROM a\nRUN x',
      want: ['v=1'],
    },
    {
      name: 'used before its ARG',
      text: 'FROM bare\nENV e=${a:-none}\nARG a=1\nRUN x',
      want: ['e=none', 'a=1'],
    },
  ])('$name', ({ text, args, want }) => {
    expect(env(text, args)).toEqual(want);
  });

  test('proxies reach the command but neither key nor history', () => {
    const built = plan('FROM bare\nRUN x', { buildArgs: { HTTP_PROXY: 'http://p' } });
    const [command] = runs('FROM bare\nRUN x', { buildArgs: { HTTP_PROXY: 'http://p' } });
    expect(command?.hiddenEnv).toEqual(['HTTP_PROXY=http://p', 'http_proxy=http://p']);
    expect(JSON.stringify(built.result.history.map((line) => line.createdBy))).not.toContain('http://p');
  });

  test('FROM uses global arguments', () => {
    expect(plan('ARG base=alpine\nFROM ${base}').result.image).toBe('alpine linux/amd64');
  });

  test('an unused build argument is warned about with a suggestion', () => {
    const { warnings } = plan('FROM bare\nARG version\nRUN x', { buildArgs: { verison: '1' } });
    expect(warnings).toMatchObject([
      { message: 'the build argument verison is not used', hint: 'did you mean version?' },
    ]);
  });
});

describe('RUN', () => {
  test.for<{ name: string; text: string; want: Partial<RunCommand> }>([
    {
      name: 'shell form',
      text: 'FROM bare\nRUN a && b',
      want: { argv: ['/bin/sh', '-c', 'a && b'], cwd: '/' },
    },
    { name: 'exec form', text: 'FROM bare\nRUN ["a", "$b"]', want: { argv: ['a', '$b'] } },
    {
      name: 'variables are left to the shell',
      text: 'FROM bare\nENV v=1\nRUN echo $v',
      want: { argv: ['/bin/sh', '-c', 'echo $v'] },
    },
    {
      name: 'user and directory',
      text: 'FROM bare\nWORKDIR /w\nUSER app\nRUN x',
      want: { cwd: '/w', user: 'app' },
    },
    {
      name: 'here-document for the shell',
      text: 'FROM bare\nRUN <<EOF\na\nb\nEOF',
      want: { argv: ['/bin/sh', '-c', 'a\nb\n'] },
    },
    {
      name: 'here-document as standard input',
      text: 'FROM bare\nRUN cat <<EOF\na\nEOF',
      want: { argv: ['/bin/sh', '-c', 'cat <<EOF\na\nEOF'] },
    },
    { name: 'network none', text: 'FROM bare\nRUN --network=none x', want: { network: 'none' } },
  ])('$name', ({ text, want }) => {
    expect(runs(text)[0]).toMatchObject(want);
  });

  test.for(["<<'EOF'", '<<"EOF"', "<<eo'f'", "<<-'EOF'"])(
    '%s alone is run, however its name is quoted',
    (mark) => {
      const name = mark.replaceAll(/[<'"-]/g, '');
      expect(runs(`FROM bare\nRUN ${mark}\nbody\n${name}`)[0]?.argv).toEqual(['/bin/sh', '-c', 'body\n']);
    },
  );

  test('a here-document with an interpreter is a program of its own', () => {
    const [command] = runs('FROM bare\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF');
    expect(command?.argv).toEqual(['/dev/pipes/EOF']);
    expect(new TextDecoder().decode(command?.files[0]?.bytes)).toBe('#!/usr/bin/env python3\nprint(1)\n');
  });
});

describe('COPY', () => {
  test.for<{ name: string; text: string; want: Partial<CopyOp> }>([
    {
      name: 'relative to WORKDIR',
      text: 'FROM bare\nWORKDIR /w\nCOPY a b',
      want: { destination: '/w/b' },
    },
    { name: 'dot keeps its slash', text: 'FROM bare\nWORKDIR /w\nCOPY a .', want: { destination: '/w/' } },
    {
      name: 'trailing slash',
      text: 'FROM bare\nCOPY a b /c/',
      want: { destination: '/c/' },
    },
    { name: 'root', text: 'FROM bare\nCOPY . /', want: { destination: '/' } },
    {
      name: 'chown and chmod expand',
      text: 'FROM bare\nARG o=1:2\nCOPY --chown=$o --chmod=755 a /',
      want: { chown: '1:2', chmod: '755' },
    },
    {
      name: 'stage by name in any case',
      text: 'FROM alpine AS Build\nFROM bare\nCOPY --from=BUILD a /',
      want: { from: { op: 'image', key: 'alpine linux/amd64' } },
    },
    {
      name: 'stage by index',
      text: 'FROM alpine\nFROM bare\nCOPY --from=0 a /',
      want: { from: { op: 'image', key: 'alpine linux/amd64' } },
    },
    {
      name: 'image',
      text: 'FROM bare\nCOPY --from=alpine a /',
      want: { from: { op: 'image', key: 'alpine linux/amd64' } },
    },
    {
      name: 'global argument in --from, which FROM may use as well',
      text: 'ARG s=alpine\nFROM bare\nCOPY --from=$s a /',
      want: { from: { op: 'image', key: 'alpine linux/amd64' } },
    },
    {
      name: 'stage argument in --from',
      text: 'FROM bare\nARG s=alpine\nCOPY --from=$s a /',
      want: { from: { op: 'image', key: 'alpine linux/amd64' } },
    },
  ])('$name', ({ text, want }) => {
    expect(copies(text)[0]).toMatchObject(want);
  });

  test('a directory context is read as files', () => {
    const contexts = new Map([['conf', 'directory' as const]]);
    expect(copies('FROM bare\nCOPY --from=conf a /', { contexts })[0]?.from).toEqual({
      op: 'context',
      name: 'conf',
    });
  });

  test('FROM a directory context copies all of it onto nothing', () => {
    const contexts = new Map([['conf', 'directory' as const]]);
    const { result } = plan('FROM conf AS x\nCOPY a /', { contexts });
    expect(result.op).toMatchObject({
      origin: { position: 2 },
      base: {
        op: 'copy',
        base: { op: 'scratch' },
        from: { name: 'conf' },
        sources: [{ kind: 'path', path: '/' }],
        origin: { stage: 'x' },
      },
    });
    expect(result.history.map(({ createdBy }) => createdBy)).toEqual(['FROM conf AS x', 'COPY a /']);
  });

  test('here-documents become files, expanded unless quoted', () => {
    const texts = copies("FROM bare\nENV v=1\nCOPY <<a <<'b' /d/\n$v\na\n$v\nb").flatMap(({ sources }) =>
      sources.map((one) => (one.kind === 'inline' ? new TextDecoder().decode(one.file.bytes) : one)),
    );
    expect(texts).toEqual(['1\n', '$v\n']);
  });
});

describe('stages', () => {
  test('only what the target reaches is planned', () => {
    const built = plan('FROM nowhere AS unused\nFROM alpine AS a\nFROM bare AS b\nCOPY --from=a x /', {
      target: 'b',
    });
    expect(built.stages.map((stage) => stage.name)).toEqual(['a', 'b']);
    expect(built.skipped).toEqual(['unused']);
  });

  test('missing images are named as many at once as can be known', () => {
    const file = parseDockerfile({
      name: 'Dockerfile',
      text: 'FROM x\nFROM y\nCOPY --from=0 a /\nCOPY --from=z b /',
    });
    const outcome = planBuild(file, options);
    expect(outcome.done ? [] : outcome.missing.map((need) => need.reference)).toEqual(['y', 'x']);
    const known = new Map([...images, ['y linux/amd64', image({})], ['x linux/amd64', image({})]]);
    const next = planBuild(file, { ...options, images: known });
    expect(next.done ? [] : next.missing.map((need) => need.reference)).toEqual(['z']);
  });

  test('triggers of the base run first and are not handed on', () => {
    const built = plan('FROM trigger\nRUN own');
    expect(chain(built.result.op).map((op) => op.op)).toEqual(['image', 'copy', 'run', 'run']);
    expect(built.result.config.OnBuild).toBeUndefined();
  });

  test('--platform of a FROM chooses the base', () => {
    expect(plan('FROM --platform=linux/arm64 alpine').result).toMatchObject({ image: 'alpine linux/arm64' });
    expect(plan('FROM --platform=$BUILDPLATFORM alpine').result).toMatchObject({
      image: 'alpine linux/amd64',
    });
  });

  test('equal text gives one op for two users of a stage', () => {
    const built = plan('FROM bare AS s\nRUN x\nFROM bare\nCOPY --from=s a /\nCOPY --from=s b /');
    const [first, second] = chain(built.result.op).flatMap((op) => (op.op === 'copy' ? op.from : []));
    expect(first).toBe(second);
  });
});

describe('errors', () => {
  test.for([
    {
      name: 'target',
      text: 'FROM bare AS build',
      more: { target: 'biuld' },
      code: 'TARGET_NOT_FOUND',
      hint: 'did you mean build?',
    },
    {
      name: 'later stage',
      text: 'FROM bare AS a\nCOPY --from=b x /\nFROM bare AS b',
      more: { target: 'a' },
      code: 'DOCKERFILE_STAGE',
      hint: 'move stage b above this one; a cycle between stages cannot be built',
    },
    {
      name: 'itself',
      text: 'FROM bare AS a\nCOPY --from=a x /',
      code: 'DOCKERFILE_STAGE',
      hint: 'a stage sees its own files without --from',
    },
    {
      name: 'index out of range',
      text: 'FROM bare\nCOPY --from=7 x /',
      code: 'DOCKERFILE_STAGE',
      hint: 'stages are counted from 0; this file has 1',
    },
    {
      name: 'empty FROM',
      text: 'ARG bsae=x\nFROM $base',
      code: 'DOCKERFILE_SYNTAX',
      hint: 'did you mean $bsae?',
    },
    {
      name: 'device',
      text: 'FROM bare\nRUN --device=vendor.com/gpu=all true',
      code: 'DOCKERFILE_UNSUPPORTED',
      hint: 'remove it, or use a version that supports it',
    },
    {
      name: 'signal',
      text: 'FROM bare\nSTOPSIGNAL SIGTREM',
      code: 'DOCKERFILE_SYNTAX',
      hint: 'did you mean SIGTERM?',
    },
    {
      name: 'health check time',
      text: 'FROM bare\nHEALTHCHECK --timeout=soon CMD x',
      code: 'DOCKERFILE_BAD_FLAG',
      hint: 'expected a duration such as 30s, 1m30s or 500ms',
    },
  ])('$name', ({ text, more, code, hint }) => {
    let caught: unknown;
    try {
      plan(text, more);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(LapidaryError);
    expect(caught).toMatchObject({ code, hint });
  });
});

test('instructions that decide how an image starts are known by what they have set', () => {
  const text = [
    'FROM alpine AS base',
    'USER a',
    'CMD ["x"]',
    'FROM base',
    'CMD ["y"]',
    'ENV A=b TZ=c',
    'WORKDIR /w',
    'HEALTHCHECK CMD z',
  ].join('\n');
  const { origins } = plan(text).result;
  const lines = [...origins].map(([setting, at]) => `${setting} ${positionOf(at).line}`);
  expect(lines.sort()).toEqual(['Cmd 5', 'Env A 6', 'Env TZ 6', 'Healthcheck 8', 'User 2', 'WorkingDir 7']);
  const [trigger] = plan('FROM onbuild-user').result.origins.values();
  expect(trigger?.source.name).toBe('ONBUILD of onbuild-user');
});
