import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import type { ImageConfig } from '../oci/index.ts';
import type { RunCommand, RunMount } from './op.ts';
import { planBuild } from './plan-build.ts';
import type { Plan, PlanOptions } from './types.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const image: ImageConfig = { ...amd64, config: {}, rootfs: { type: 'layers', diff_ids: [] } };
const options: PlanOptions = {
  buildArgs: {},
  platform: amd64,
  buildPlatform: amd64,
  labels: {},
  contexts: new Map([['files', 'directory']]),
  images: new Map([['tools linux/amd64', image]]),
};

function planOf(text: string, more: Partial<PlanOptions> = {}): Plan {
  const outcome = planBuild(parseDockerfile({ name: 'Dockerfile', text }), { ...options, ...more });
  if (!outcome.done) throw new Error('an image is missing');
  return outcome.plan;
}

function commandOf(text: string, more: Partial<PlanOptions> = {}): RunCommand {
  const { op } = planOf(text, more).result;
  if (op.op !== 'run') throw new Error(`not a run: ${op.op}`);
  return op.command;
}

/** The mounts of the last instruction, without their places. */
function mountsOf(text: string, more: Partial<PlanOptions> = {}): unknown[] {
  return commandOf(text, more).mounts.map((mount: RunMount) =>
    Object.fromEntries(Object.entries(mount).filter(([key]) => key !== 'at')),
  );
}

const STAGES = 'ARG GLOBAL=tools\nFROM scratch AS made\nRUN make\nFROM scratch\nWORKDIR /w\nARG STAGE=made\n';
const context = { op: 'context', name: '' };
const bind = { type: 'bind', from: context, source: '/', readonly: true };
const cache = { type: 'cache', source: '/', readonly: false, sharing: 'shared' };
const secret = { type: 'secret', required: false, uid: 0, gid: 0, mode: 0o400 };
const ssh = { type: 'ssh', id: 'default', required: false, uid: 0, gid: 0, mode: 0o600 };

describe('mounts mean', () => {
  test.for<[string, string, unknown]>([
    ['bind by default', 'target=/x', { ...bind, target: '/x' }],
    ['the working directory by default', 'type=bind', { ...bind, target: '/w' }],
    ['a target relative to the working directory', 'dst=a/../b', { ...bind, target: '/w/b' }],
    ['a target above it', 'destination=../b/', { ...bind, target: '/b' }],
    ['a source', 'src=./a/,target=/x', { ...bind, source: '/a', target: '/x' }],
    ['a source that would lead out', 'source=../../a,target=/x', { ...bind, source: '/a', target: '/x' }],
    ['a bind that is written to', 'target=/x,rw', { ...bind, target: '/x', readonly: false }],
    ['the last of ro and rw', 'target=/x,rw,ro', { ...bind, target: '/x' }],
    ['rw=false', 'target=/x,rw=false', { ...bind, target: '/x' }],
    ['readonly=F', 'target=/x,readonly=F', { ...bind, target: '/x', readonly: false }],
    ['the last of two targets', 'target=/x,target=/y', { ...bind, target: '/y' }],
    ['keys in any case', 'TYPE=BIND,Target=/x', { ...bind, target: '/x' }],
    [
      'a named context',
      'from=files,target=/x',
      { ...bind, from: { op: 'context', name: 'files' }, target: '/x' },
    ],
    [
      'an image',
      'from=tools,target=/x',
      { ...bind, from: { op: 'image', key: 'tools linux/amd64' }, target: '/x' },
    ],
    ['nothing', 'from=scratch,target=/x', { ...bind, from: { op: 'scratch' }, target: '/x' }],
    [
      'a stage by index',
      'from=0,target=/x',
      { ...bind, from: expect.objectContaining({ op: 'run' }), target: '/x' },
    ],
    [
      'a stage by an ARG',
      'from=$STAGE,target=/x',
      { ...bind, from: expect.objectContaining({ op: 'run' }), target: '/x' },
    ],
    [
      'an image by a global ARG',
      'from=${GLOBAL},target=/x',
      { ...bind, from: { op: 'image', key: 'tools linux/amd64' }, target: '/x' },
    ],
    ['a cache', 'type=cache,target=/x', { ...cache, id: '/x', target: '/x' }],
    ['a cache by its target as written', 'type=cache,target=./x/', { ...cache, id: 'x/', target: '/w/x' }],
    [
      'a cache by id',
      'type=cache,id=a:b,target=/x,sharing=LOCKED',
      { ...cache, id: 'a:b', target: '/x', sharing: 'locked' },
    ],
    [
      'a cache with an owner',
      'type=cache,target=/x,uid=1,gid=2,mode=0700',
      { ...cache, id: '/x', target: '/x', owner: { uid: 1, gid: 2, mode: 0o700 } },
    ],
    [
      'a cache that is filled',
      'type=cache,target=/x,from=tools,source=/s,ro',
      {
        ...cache,
        id: '/x',
        target: '/x',
        source: '/s',
        readonly: true,
        from: { op: 'image', key: 'tools linux/amd64' },
      },
    ],
    ['a tmpfs', 'type=tmpfs,target=/x', { type: 'tmpfs', target: '/x', readonly: false }],
    [
      'a tmpfs of a size',
      'type=tmpfs,target=/x,size=1.5MiB',
      { type: 'tmpfs', target: '/x', readonly: false, size: 1_572_864 },
    ],
    [
      'a tmpfs without a limit',
      'type=tmpfs,target=/x,size=0',
      { type: 'tmpfs', target: '/x', readonly: false },
    ],
    ['a secret', 'type=secret,id=a/b', { ...secret, id: 'a/b', target: '/run/secrets/b' }],
    ['a secret by its source', 'type=secret,source=k', { ...secret, id: 'k', target: '/run/secrets/k' }],
    ['a secret by its target', 'type=secret,target=/etc/k', { ...secret, id: 'k', target: '/etc/k' }],
    ['a secret as a variable', 'type=secret,id=k,env=K', { ...secret, id: 'k', env: 'K' }],
    ['a secret as both', 'type=secret,id=k,env=K,target=/k', { ...secret, id: 'k', env: 'K', target: '/k' }],
    [
      'a secret of somebody',
      'required,type=secret,id=k,uid=5,mode=440',
      { ...secret, id: 'k', target: '/run/secrets/k', required: true, uid: 5, mode: 0o440 },
    ],
    ['an agent', 'type=ssh', { ...ssh, target: '/run/buildkit/ssh_agent.0' }],
    [
      'an agent by id',
      'type=ssh,id=git,target=/s,required=1,gid=3',
      { ...ssh, id: 'git', target: '/s', required: true, gid: 3 },
    ],
    ['quotes around it all', '"type=bind,target=/a b"', { ...bind, target: '/a b' }],
    [
      'a variable in each value',
      'type=$T,target=/$N,size=${S}m',
      { type: 'tmpfs', target: '/n', readonly: false, size: 1_048_576 },
    ],
  ])('%s: %s', ([, mount, want]) => {
    const args = 'ARG T=tmpfs N=n S=1\n';
    expect(mountsOf(`${STAGES}${args}RUN --mount=${mount} x`)).toEqual([want]);
  });

  test('parents come before what is in them, and secrets and agents last', () => {
    const flags = [
      'type=ssh',
      'type=secret,id=s',
      'target=/a/b',
      'type=cache,target=/a',
      'type=tmpfs,target=/0',
    ];
    const text = `FROM scratch\nRUN ${flags.map((flag) => `--mount=${flag}`).join(' ')} x`;
    const targets = commandOf(text).mounts.map(({ target }) => target);
    expect(targets).toEqual(['/0', '/a', '/a/b', '/run/secrets/s', '/run/buildkit/ssh_agent.0']);
  });

  test('each agent has a socket of its own, and the first is the one that programs find', () => {
    const { mounts, env } = commandOf('FROM scratch\nRUN --mount=type=ssh,id=a --mount=type=ssh,id=b x');
    expect(mounts.map(({ target }) => target)).toEqual([
      '/run/buildkit/ssh_agent.0',
      '/run/buildkit/ssh_agent.1',
    ]);
    expect(env).toContain('SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0');
    const own = commandOf('FROM scratch\nENV SSH_AUTH_SOCK=/mine\nRUN --mount=type=ssh x');
    expect(own.env.filter((line) => line.startsWith('SSH_'))).toEqual(['SSH_AUTH_SOCK=/mine']);
  });

  test('a namespace keeps caches of the same id apart', () => {
    const more = { buildArgs: { BUILDKIT_CACHE_MOUNT_NS: 'ci' } };
    expect(mountsOf('FROM scratch\nRUN --mount=type=cache,target=/x x', more)).toMatchObject([
      { id: 'ci//x' },
    ]);
  });

  test('a trigger of a base mounts from the stages of the file that uses it', () => {
    const base = { ...image, config: { OnBuild: ['RUN --mount=from=made,target=/m x'] } };
    const images = new Map([['base linux/amd64', base]]);
    const mounts = mountsOf('FROM scratch AS made\nRUN make\nFROM base', { images });
    expect(mounts).toMatchObject([{ from: { op: 'run' }, target: '/m' }]);
  });

  test('what is passed over is told', () => {
    const { warnings } = planOf('FROM scratch\nRUN --mount=type=tmpfs,target=/x,from=made,id=y x');
    expect(warnings.map(({ message }) => message)).toEqual([
      'a mount of type tmpfs has no from: it is passed over',
      'a mount of type tmpfs has no id: it is passed over',
    ]);
  });

  test('images that are mounted from are asked for together with the base', () => {
    const file = parseDockerfile({
      name: 'Dockerfile',
      text: 'FROM scratch\nRUN --mount=from=other,target=/x x',
    });
    expect(planBuild(file, options)).toMatchObject({ done: false, missing: [{ reference: 'other' }] });
  });
});

describe('wrong mounts', () => {
  test.for<[mount: string, at: string, message: string, hint: string | undefined]>([
    ['type=cahce,target=/x', 'type=cahce', 'a mount cannot have the type "cahce"', 'did you mean cache?'],
    [
      'type=zzzzzzzz',
      'type=zzzzzzzz',
      'a mount cannot have the type "zzzzzzzz"',
      'expected bind, cache, tmpfs, secret, ssh',
    ],
    ['tagret=/x', 'tagret=/x', '--mount has no option "tagret"', 'did you mean target?'],
    ['target', 'target', 'target needs a value', 'write target=VALUE'],
    ['target=/', 'target=/', 'nothing can be mounted on "/"', 'choose a directory below it'],
    ['type=tmpfs', '--mount=type=tmpfs', 'a mount needs a target', 'write target=PATH'],
    [
      'type=cache,target=/x,sharing=lockd',
      'sharing=lockd',
      'a mount cannot have the sharing "lockd"',
      'did you mean locked?',
    ],
    [
      'target=/x,sharing=locked',
      'sharing=locked',
      'a mount of type bind has no sharing',
      'sharing is for mounts of type cache',
    ],
    [
      'target=/x,uid=1',
      'uid=1',
      'a mount of type bind has no uid',
      'uid is for mounts of type cache, secret, ssh',
    ],
    [
      'type=tmpfs,target=/x,mode=0700',
      'mode=0700',
      'a mount of type tmpfs has no mode',
      'mode is for mounts of type cache, secret, ssh',
    ],
    [
      'type=cache,target=/x,size=1',
      'size=1',
      'a mount of type cache has no size',
      'size is for mounts of type tmpfs',
    ],
    [
      'type=cache,target=/x,required',
      'required',
      'a mount of type cache has no required',
      'required is for mounts of type secret, ssh',
    ],
    ['type=cache,target=/x,uid=app', 'uid=app', 'uid cannot be "app"', 'expected a number, not a name'],
    [
      'type=cache,target=/x,gid=4294967295',
      'gid=4294967295',
      'gid cannot be "4294967295"',
      'expected a number, not a name',
    ],
    [
      'type=cache,target=/x,mode=u+x',
      'mode=u+x',
      'mode cannot be "u+x"',
      'expected octal digits, such as 0755',
    ],
    [
      'type=cache,target=/x,mode=10000',
      'mode=10000',
      'mode cannot be "10000"',
      'expected octal digits, such as 0755',
    ],
    ['type=cache,target=/x,ro=maybe', 'ro=maybe', 'ro cannot be "maybe"', 'write ro, ro=true or ro=false'],
    [
      'type=cache,target=/x,source=y',
      'source=y',
      'source needs from',
      'an empty cache has nothing to take: name a stage or an image with from=',
    ],
    [
      'type=tmpfs,target=/x,size=big',
      'size=big',
      'size cannot be "big"',
      'expected bytes, such as 64m or 1g',
    ],
    ['type=tmpfs,target=/x,size=-1', 'size=-1', 'size cannot be "-1"', 'expected bytes, such as 64m or 1g'],
    ['type=secret', '--mount=type=secret', 'a secret needs an id', 'write id=NAME'],
    [
      'type=secret,id=a,source=b',
      'source=b',
      'a secret has an id or a source, not both',
      'remove one of them',
    ],
    [
      'type=secret,id=a,from=made',
      'from=made',
      'a mount of type secret has no from',
      'from is for mounts of type bind, cache',
    ],
    ['type=secret,id=a,env=A=B', 'env=A=B', '"A=B" cannot be the name of a variable', 'write env=NAME'],
    [
      'type=secret,id=a,required=perhaps',
      'required=perhaps',
      'required cannot be "perhaps"',
      'write required, required=true or required=false',
    ],
    [
      'type=ssh,source=/x',
      'source=/x',
      'a mount of type ssh has no source',
      'source is for mounts of type bind, cache, secret',
    ],
    ['from=$NOPE,target=/x', 'from=$NOPE', 'from needs a stage or an image', 'from= expands to nothing'],
    [
      'from=later,target=/x',
      'from=later',
      'stage later comes later in the file than its use',
      'move stage later above this one; a cycle between stages cannot be built',
    ],
    [
      'from=me,target=/x',
      'from=me',
      'stage me copies from itself',
      'a stage sees its own files without --from',
    ],
    ['from=7,target=/x', 'from=7', 'there is no stage 7', 'stages are counted from 0; this file has 2'],
  ])('%s', ([mount, at, message, hint]) => {
    const text = `FROM scratch AS me\nRUN --mount=${mount} x\nFROM scratch AS later\n`;
    const error = errorOf(text, { target: 'me' });
    expect(error.message).toBe(message);
    expect(error.hint).toBe(hint);
    const { span } = error.at;
    const found = text.slice(span.start, span.end);
    // Of a whole flag it is the value that the span is of
    expect(at.startsWith('--mount=') ? `--mount=${found}` : found).toBe(at);
  });
});

function errorOf(text: string, more: Partial<PlanOptions> = {}): SourceError {
  try {
    planOf(text, more);
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error('there was no error');
}

describe('rights', () => {
  test.for<[string, string, Partial<PlanOptions>, Partial<RunCommand>]>([
    ['the network is the usual one by default', 'RUN x', {}, { network: 'default' }],
    ['default is what the build says', 'RUN --network=default x', { network: 'none' }, { network: 'none' }],
    ['none of the build is meant for all', 'RUN x', { network: 'none' }, { network: 'none' }],
    [
      'host where it is allowed',
      'RUN --network=host x',
      { allow: new Set(['network.host']) },
      { network: 'host' },
    ],
    ['a variable names the network', 'ARG N=none\nRUN --network=$N x', {}, { network: 'none' }],
    ['sandbox is what is usual', 'RUN --security=sandbox x', {}, { insecure: false }],
    [
      'insecure where it is allowed',
      'RUN --security=insecure x',
      { allow: new Set(['security.insecure']) },
      { insecure: true },
    ],
    ['a host name', 'RUN x', { buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'box' } }, { hostname: 'box' }],
  ])('%s', ([, line, more, want]) => {
    expect(commandOf(`FROM scratch\n${line}`, more)).toMatchObject(want);
  });

  test.for<[string, Partial<PlanOptions>, string, string]>([
    ['RUN --security=insecure x', {}, 'NOT_ALLOWED', 'build with --allow security.insecure'],
    ['RUN --network=host x', {}, 'NOT_ALLOWED', 'build with --allow network.host'],
    ['RUN --security=insecrue x', {}, 'DOCKERFILE_BAD_FLAG', 'did you mean insecure?'],
    ['RUN --network=bridge x', {}, 'DOCKERFILE_BAD_FLAG', 'expected default, none, host'],
  ])('%s is an error', ([line, more, code, hint]) => {
    expect(errorOf(`FROM scratch\n${line}`, more)).toMatchObject({ code, hint });
  });
});
