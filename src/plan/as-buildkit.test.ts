import { describe, expect, test } from 'vitest';
import { SourceError, SourceErrors } from '../errors/index.ts';
import type { ContainerConfig, ImageConfig } from '../oci/index.ts';
import { imageWith, planText } from './test-plan.ts';

describe('history lines', () => {
  test.for<{ name: string; text: string; args?: Record<string, string>; want: string[] }>([
    { name: 'ENV', text: 'ENV a=1 b="x y"', want: ['ENV a=1 b=x y'] },
    { name: 'LABEL', text: 'LABEL a=1 "b c"=d', want: ['LABEL a=1 b c=d'] },
    { name: 'CMD, exec form', text: 'CMD ["a","b c"]', want: ['CMD ["a" "b c"]'] },
    { name: 'CMD, shell form', text: 'CMD a "b"', want: ['CMD ["/bin/sh" "-c" "a \\"b\\""]'] },
    { name: 'CMD, empty', text: 'CMD []', want: ['CMD []'] },
    { name: 'ENTRYPOINT', text: 'ENTRYPOINT ["/x"]', want: ['ENTRYPOINT ["/x"]'] },
    { name: 'SHELL', text: 'SHELL ["/bin/bash","-c"]', want: ['SHELL [/bin/bash -c]'] },
    {
      name: 'EXPOSE is sorted',
      text: 'EXPOSE 8080 443/UDP 80-81',
      want: ['EXPOSE [443/udp 80/tcp 81/tcp 8080/tcp]'],
    },
    { name: 'VOLUME', text: 'VOLUME /a /b', want: ['VOLUME [/a /b]'] },
    { name: 'USER', text: 'ARG u=me\nUSER $u', want: ['ARG u=me', 'USER me'] },
    { name: 'STOPSIGNAL', text: 'STOPSIGNAL sigterm', want: ['STOPSIGNAL sigterm'] },
    { name: 'MAINTAINER', text: 'MAINTAINER a b', want: ['MAINTAINER a b'] },
    { name: 'ONBUILD has none', text: 'ONBUILD RUN x', want: [] },
    {
      name: 'WORKDIR',
      text: 'WORKDIR a\nWORKDIR ../b\nWORKDIR /',
      want: ['WORKDIR /a', 'WORKDIR /b', 'WORKDIR /'],
    },
    {
      name: 'HEALTHCHECK NONE',
      text: 'HEALTHCHECK NONE',
      want: ['HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" \'\\x00\'}'],
    },
    {
      name: 'HEALTHCHECK',
      text: 'HEALTHCHECK --interval=5m --timeout=3s --start-period=500ms --start-interval=1s --retries=3 CMD a || b',
      want: ['HEALTHCHECK &{["CMD-SHELL" "a || b"] "5m0s" "3s" "500ms" "1s" \'\\x03\'}'],
    },
    {
      name: 'COPY with what variables came to, and the flags that change files',
      text: 'ARG d=/x/ u=me\ncopy --from=bare --link --chown=$u --chmod=0600 --exclude=z a "b" $d',
      want: ['ARG d=/x/ u=me', 'COPY --chown=me --chmod=0600 a b /x/'],
    },
    {
      name: 'COPY of here-documents',
      text: 'COPY <<a <<"b" c d/\n1\na\n2\nb',
      want: ['COPY c <<a <<b d/'],
    },
    {
      name: 'ADD without what a URL keeps secret',
      text: 'ADD https://me:secret@example.com/f /',
      want: ['ADD https://example.com/f /'],
    },
    { name: 'ARG with what it came to', text: 'ARG a=1 b c=$a', args: { b: '2' }, want: ['ARG a=1 b=2 c=1'] },
    { name: 'ARG without a value', text: 'ARG a', want: ['ARG a'] },
    { name: 'RUN, shell form', text: 'RUN a  b', want: ['RUN /bin/sh -c a  b'] },
    { name: 'RUN, exec form', text: 'RUN ["a","b c"]', want: ['RUN a b c'] },
    {
      name: 'RUN names all arguments, those without a value too',
      text: 'ARG a=1\nARG b\nENV a=2\nRUN x',
      want: ['ARG a=1', 'ARG b', 'ENV a=2', 'RUN |2 a=2 b= /bin/sh -c x'],
    },
  ])('$name', ({ text, args, want }) => {
    const { history } = planText(`FROM bare\n${text}`, { buildArgs: args ?? {} }).result;
    expect(history.map((line) => line.createdBy)).toEqual(want);
  });
});

const config = (text: string, images?: Record<string, ImageConfig>): ContainerConfig =>
  planText(text, images ? { images } : {}).result.config;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

describe('configuration', () => {
  test.for<{ name: string; text: string; want: Partial<ContainerConfig> }>([
    { name: 'a base without a search path gets one', text: 'FROM bare', want: { Env: [PATH] } },
    {
      name: 'CMD says that its arguments are escaped',
      text: 'FROM bare\nCMD x',
      want: { ArgsEscaped: true },
    },
    {
      name: 'a zero is the default',
      text: 'FROM bare\nHEALTHCHECK --interval=0s --retries=0 CMD x',
      want: { Healthcheck: { Test: ['CMD-SHELL', 'x'] } },
    },
    {
      name: 'no variables in HEALTHCHECK CMD',
      text: 'FROM bare\nENV a=1\nHEALTHCHECK CMD ["$a"]',
      want: { Healthcheck: { Test: ['CMD', '$a'] } },
    },
    {
      name: 'an empty WORKDIR stays',
      text: 'FROM bare\nWORKDIR /a\nWORKDIR $none',
      want: { WorkingDir: '/a' },
    },
    {
      name: 'a relative WORKDIR on scratch',
      text: 'FROM scratch\nWORKDIR a/../b/',
      want: { WorkingDir: '/b' },
    },
    {
      name: 'EXPOSE of a host port',
      text: 'FROM bare\nEXPOSE 127.0.0.1:80:8080 53:53/udp [::1]::9',
      want: { ExposedPorts: { '8080/tcp': {}, '53/udp': {}, '9/tcp': {} } },
    },
    {
      name: 'EXPOSE of ports out of a variable',
      text: 'FROM bare\nARG p="80 0443"\nEXPOSE $p',
      want: { ExposedPorts: { '80/tcp': {}, '443/tcp': {} } },
    },
    {
      name: 'old forms keep their spaces',
      text: 'FROM bare\nLABEL a  b "c"  d',
      want: { Labels: { a: 'b c  d' } },
    },
  ])('$name', ({ text, want }) => {
    expect(config(text)).toMatchObject(want);
  });

  test('MAINTAINER is the author, and comes from the base', () => {
    const images = { base: imageWith({}, { author: 'before' }) };
    expect(planText('FROM base', { images }).result.author).toBe('before');
    expect(planText('FROM base\nMAINTAINER $me', { images }).result.author).toBe('$me');
  });
});

/** What RUN sees of these names. */
function seen(text: string, more: Parameters<typeof planText>[1] = {}): string[] {
  const { op } = planText(`${text}\nRUN x`, more).result;
  return op.op === 'run' ? op.command.env.filter((line) => line !== PATH) : [];
}

describe('variables', () => {
  const images = { base: imageWith({ Env: ['v=base'] }) };
  test.for<{ name: string; text: string; args?: Record<string, string>; want: string[] }>([
    { name: 'ENV behind ARG', text: 'FROM bare\nARG v=arg\nENV v=env', want: ['v=env'] },
    { name: 'ARG behind ENV', text: 'FROM bare\nENV v=env\nARG v=arg', want: ['v=arg'] },
    { name: 'ARG over the base', text: 'FROM base\nARG v=arg', want: ['v=arg'] },
    { name: 'ARG without a value over the base', text: 'FROM base\nARG v', want: ['v=base'] },
    { name: 'a given ARG over the base', text: 'FROM base\nARG v', args: { v: 'given' }, want: ['v=given'] },
    {
      name: 'a default that is not used may be malformed',
      text: 'FROM bare\nARG v=${',
      args: { v: '1' },
      want: ['v=1'],
    },
    { name: 'a name is taken as it is', text: 'FROM bare\nARG a.b-c=1', want: ['a.b-c=1'] },
    {
      name: 'a stage hands on what ARG declared',
      text: 'FROM bare AS a\nARG v=1\nFROM a\nARG w=$v',
      want: ['v=1', 'w=1'],
    },
    {
      name: 'but not to a stage beside it',
      text: 'FROM bare AS a\nARG v=1\nFROM bare\nARG w=$v',
      want: ['w='],
    },
    {
      name: 'the last stage is the default target',
      text: 'FROM bare AS last\nARG TARGETSTAGE',
      want: ['TARGETSTAGE=last'],
    },
    {
      name: 'without a name it is called default',
      text: 'FROM bare\nARG TARGETSTAGE',
      want: ['TARGETSTAGE=default'],
    },
    {
      name: 'proxies are no variables',
      text: 'FROM bare\nENV v=x$HTTP_PROXY',
      args: { HTTP_PROXY: 'p' },
      want: ['v=x'],
    },
    {
      name: 'declared proxies are',
      text: 'FROM bare\nARG HTTP_PROXY\nENV v=$HTTP_PROXY',
      args: { HTTP_PROXY: 'p' },
      want: ['HTTP_PROXY=p', 'v=p'],
    },
    {
      name: 'what speaks to the builder is none',
      text: 'FROM bare\nARG BUILDKIT_SBOM_SCAN_STAGE=true',
      want: [],
    },
    {
      name: 'a global is seen by later globals',
      text: 'ARG a=1\nARG b=$a-2\nFROM bare\nARG b',
      want: ['b=1-2'],
    },
  ])('$name', ({ text, args, want }) => {
    expect(seen(text, { images, buildArgs: args ?? {} })).toEqual(want);
  });
});

describe('stages', () => {
  test('the later of two stages of one name takes it over', () => {
    const built = planText('FROM bare AS a\nENV v=1\nFROM a AS a\nENV w=2\nFROM A');
    expect(built.result.config.Env).toEqual([PATH, 'v=1', 'w=2']);
  });

  test('FROM of a number is an image', () => {
    expect(() => planText('FROM bare\nFROM 0')).toThrow('missing: 0 linux/amd64');
  });

  test('ONBUILD of a stage runs in the stage on top of it, once', () => {
    const built = planText('FROM bare AS a\nONBUILD ENV v=1\nFROM a AS b\nENV w=$v\nFROM b');
    expect(built.stages.map((stage) => stage.config.Env?.slice(1))).toEqual([
      [],
      ['v=1', 'w=1'],
      ['v=1', 'w=1'],
    ]);
    expect(built.result.config.OnBuild).toBeUndefined();
  });

  test('a trigger copies from stages of this file', () => {
    const images = { base: imageWith({ OnBuild: ['COPY --from=src /x /y'] }) };
    const { op } = planText('FROM bare AS src\nFROM base', { images }).result;
    expect(op.op === 'copy' ? op.from.op : '').toBe('image');
  });

  test('a trigger that is more than one instruction is an error', () => {
    const images = { base: imageWith({ OnBuild: ['ENV a=1\nENV b=2'] }) };
    expect(() => planText('FROM base', { images })).toThrow('has to be one instruction');
  });
});

describe('errors', () => {
  test.for([
    [
      'an empty platform',
      'ARG plat=linux/arm64\nFROM --platform=$palt bare',
      'PLATFORM_INVALID',
      'did you mean $plat?',
    ],
    [
      'another frontend',
      '# syntax=example/nix\nFROM bare',
      'DOCKERFILE_UNSUPPORTED',
      'only Dockerfiles are understood: docker/dockerfile and its mirrors',
    ],
    ['a port', 'FROM bare\nEXPOSE 80:90:100:x', 'DOCKERFILE_SYNTAX', undefined],
    ['a range of the host', 'FROM bare\nEXPOSE 1-2:3-5', 'DOCKERFILE_SYNTAX', undefined],
    [
      'a variable in a duration',
      'FROM bare\nENV t=1s\nHEALTHCHECK --interval=$t CMD x',
      'DOCKERFILE_BAD_FLAG',
      undefined,
    ],
    ['signal 0', 'FROM bare\nSTOPSIGNAL 0', 'DOCKERFILE_SYNTAX', undefined],
  ] as const)('%s', ([, text, code, hint]) => {
    const error = errorOf(() => planText(text));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ code, ...(hint === undefined ? {} : { hint }) });
  });

  test.for([
    'docker/dockerfile:1',
    'docker.io/docker/dockerfile-upstream:master-labs',
    'r.example:5000/m/dockerfile@sha256:0',
    'docker/dockerfile:1.4 # x',
  ])('the frontend %s is ours', (name) => {
    expect(planText(`# syntax=${name}\nFROM bare`).result.name).toBe('0');
  });

  test('those of several instructions are told together, in order', () => {
    const error = errorOf(() => planText('FROM bare\nEXPOSE x\nENV a=1\nSTOPSIGNAL y\nUSER ${a'));
    expect(error).toBeInstanceOf(SourceErrors);
    expect((error as SourceErrors).errors.map(({ message }) => message)).toEqual([
      'not a port: "x"',
      'not a signal: "y"',
      '${a is not closed by }',
    ]);
  });
});

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
