import { expect, test } from 'vitest';
import { parseDockerfile } from '../dockerfile/index.ts';
import { listTargets, outlineOf } from './outline.ts';

const text = `# syntax=docker/dockerfile:1

# VERSION is what to build
ARG VERSION=1
ARG BASE=alpine:\${VERSION}
ARG UNUSED=1
# build compiles it
# in two lines
FROM --platform=$BUILDPLATFORM \${BASE} AS build
# FLAGS go to the compiler
ARG FLAGS="-O$VERSION"
ARG VERSION
RUN --mount=type=secret,id=token,required --mount=type=ssh make
FROM scratch AS other
ARG ELSE
# not what it is called
FROM scratch
ARG EMPTY
COPY --from=build /x /
RUN --mount=type=secret,target=/run/key,required=false --mount=type=ssh,id=git true
`;
const file = parseDockerfile({ name: 'Dockerfile', text });
const amd64 = { os: 'linux', architecture: 'amd64' };
const options = { buildArgs: {}, platform: amd64, buildPlatform: amd64 };
const bare = (list: readonly { readonly span: unknown }[]): unknown[] =>
  list.map(({ span: _span, ...rest }) => rest);

test('targets with what the comments say of them', () => {
  expect(bare(listTargets(file))).toEqual([
    {
      name: 'build',
      default: false,
      description: 'compiles it',
      base: '${BASE}',
      platform: '$BUILDPLATFORM',
    },
    { name: 'other', default: false, base: 'scratch' },
    { default: true, base: 'scratch' },
  ]);
});

test('the outline of the last stage has all that it reaches', () => {
  const { args, secrets, ssh, ...rest } = outlineOf(file, { ...options, buildArgs: { VERSION: '3' } });
  expect(rest).toEqual({});
  expect(bare(args)).toEqual([
    { name: 'VERSION', description: 'is what to build', value: '3' },
    { name: 'BASE', value: 'alpine:3' },
    { name: 'FLAGS', description: 'go to the compiler', value: '-O' },
    { name: 'EMPTY' },
  ]);
  expect(bare(secrets)).toEqual([
    { name: 'token', required: true },
    { name: 'key', required: false },
  ]);
  expect(bare(ssh)).toEqual([
    { name: 'default', required: false },
    { name: 'git', required: false },
  ]);
});

test('the outline of a target', () => {
  const outline = outlineOf(file, { ...options, target: 'Other' });
  expect(outline).toMatchObject({ name: 'other', secrets: [], ssh: [] });
  expect(bare(outline.args)).toEqual([{ name: 'ELSE' }]);
});
