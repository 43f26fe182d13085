import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CredentialFile } from './config.ts';
import { findCredential } from './credentials.ts';

let bin: string;
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'lapidary-helpers-'));
  const helpers = {
    // Answers with the name that it was asked for
    echo: 'read server; printf \'{"ServerURL":"%s","Username":"helper","Secret":"%s"}\' "$server" "$server"',
    token: 'echo \'{"Username":"<token>","Secret":"refresh"}\'',
    none: 'echo "credentials not found in native keychain"; exit 1',
    broken: 'printf "no \\033[31msuch\\nthing"; exit 1',
    garbage: 'echo "hunter2"',
  };
  for (const [name, script] of Object.entries(helpers)) {
    await writeFile(join(bin, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, `docker-credential-${name}`), 0o755);
  }
});
afterAll(() => rm(bin, { recursive: true, force: true }));

const password = (username: string) => ({ kind: 'password', username, password: 'p' }) as const;
const file = (more: Partial<CredentialFile>): CredentialFile => ({
  path: 'f',
  auths: new Map(),
  credHelpers: new Map(),
  ...more,
});
const find = (files: readonly CredentialFile[], name: string) =>
  findCredential({ credentialFiles: files, helperEnvironment: { PATH: `${bin}:/usr/bin:/bin` } }, name);

describe('findCredential', () => {
  const auths = new Map([
    ['quay.io', password('host')],
    ['quay.io/team', password('team')],
    ['quay.io/team/app', password('app')],
  ]);

  test.for([
    ['quay.io/team/app', 'app'],
    ['quay.io/team/app/deep', 'app'],
    ['quay.io/team/application', 'team'],
    ['quay.io/teams/app', 'host'],
    ['quay.io.evil.example/team', undefined],
    ['docker.io/library/alpine', undefined],
  ])('%s is for %s', async ([name = '', username]) => {
    const found = await find([file({ auths })], name);
    expect(found && 'username' in found ? found.username : undefined).toBe(username);
  });

  test('the first file that knows one, the helper before the entries', async () => {
    const helped = file({ credHelpers: new Map([['quay.io', 'echo']]), auths });
    expect(await find([file({}), helped], 'quay.io/x')).toEqual({
      kind: 'password',
      username: 'helper',
      password: 'quay.io',
    });
    const silent = file({ credsStore: 'none', auths });
    expect(await find([silent, helped], 'quay.io/x')).toEqual(password('host'));
  });

  test('Docker Hub has its old name with helpers', async () => {
    const found = await find([file({ credsStore: 'echo' })], 'docker.io/library/alpine');
    expect(found).toMatchObject({ password: 'https://index.docker.io/v1/' });
  });

  test('identity tokens of helpers', async () => {
    expect(await find([file({ credsStore: 'token' })], 'quay.io/x')).toEqual({
      kind: 'identity-token',
      token: 'refresh',
    });
  });

  test.for([
    { program: 'absent', says: 'is not installed' },
    { program: 'broken', says: 'no \\u{1b}[31msuch' },
    { program: 'garbage', says: 'no JSON came back' },
    { program: '../x', says: 'no name of a credential helper' },
  ])('the helper $program fails: $says', async ({ program, says }) => {
    const found = find([file({ credsStore: program })], 'quay.io/x');
    await expect(found).rejects.toMatchObject({
      code: 'REGISTRY_CREDENTIALS',
      message: expect.stringContaining(says),
    });
    await expect(found).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') });
  });
});
