import { expect, test } from 'vitest';
import { gitAuthorization, httpAuthorization } from './network-credentials.ts';

const lookup =
  (secrets: Readonly<Record<string, string>>) =>
  (id: string): Promise<Uint8Array | undefined> =>
    Promise.resolve(secrets[id] === undefined ? undefined : Buffer.from(secrets[id]));

const basic = (token: string): string => `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;

test.for<{ name: string; secrets: Record<string, string>; http?: string; git?: string }>([
  { name: 'nothing', secrets: { other: 'x' } },
  { name: 'a token for files', secrets: { 'HTTP_AUTH_TOKEN_a.example': 't\n' }, http: 'Bearer t' },
  { name: 'a header for files', secrets: { 'HTTP_AUTH_HEADER_a.example': 'Basic eA==' }, http: 'Basic eA==' },
  {
    name: 'a token goes before a header',
    secrets: { 'HTTP_AUTH_TOKEN_a.example': 't', 'HTTP_AUTH_HEADER_a.example': 'h' },
    http: 'Bearer t',
  },
  { name: 'another host', secrets: { 'HTTP_AUTH_TOKEN_b.example': 't', 'GIT_AUTH_TOKEN.b.example': 't' } },
  { name: 'a token for every repository', secrets: { GIT_AUTH_TOKEN: 't' }, git: basic('t') },
  {
    name: 'a token for the repositories of a host',
    secrets: { GIT_AUTH_TOKEN: 'all', 'GIT_AUTH_TOKEN.a.example': 'one' },
    git: basic('one'),
  },
  { name: 'a header for repositories', secrets: { GIT_AUTH_HEADER: 'Bearer x\n' }, git: 'Bearer x' },
])('what authorises a fetch: $name', async ({ secrets, http, git }) => {
  expect(await httpAuthorization('a.example', lookup(secrets))).toBe(http);
  expect(await gitAuthorization('a.example', lookup(secrets))).toBe(git);
});
