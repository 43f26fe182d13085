import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/index.ts';
import { first, image, layout } from '../../support/make-image.ts';
import { TestAuthority } from '../../support/registry/certificates.ts';
import { REAL_USER, RealRegistry } from '../../support/registry/real-registry.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { TokenServer } from '../../support/registry/token-server.ts';
import { writeMembers } from '../../support/write-members.ts';

const run = promisify(execFile);
let dir: string;
let source: string;
const digest = first(image()).digest;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lapidary-servers-'));
  source = `oci:${await writeMembers(join(dir, 'layout'), layout(image(), [first(image())]))}`;
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const CREDENTIALS = `${REAL_USER.name}:${REAL_USER.password}`;
const USERS = { [REAL_USER.name]: REAL_USER.password };
/** Pushes the image with skopeo, pulls it back, and returns the digest it came back with. */
async function roundTrip(host: string, ...flags: readonly string[]): Promise<string> {
  const [to, from] = [flags.map((flag) => `--dest-${flag}`), flags.map((flag) => `--src-${flag}`)];
  const name = `docker://${host}/team/app:1`;
  await run('skopeo', ['copy', '--insecure-policy', ...to, source, name]);
  const { stdout } = await run('skopeo', ['inspect', '--raw', ...flags.map((flag) => `--${flag}`), name]);
  await run('skopeo', ['copy', '--insecure-policy', ...from, name, `dir:${join(dir, host)}`]);
  return sha256(stdout);
}

describe('the strict registry', () => {
  test('finds nothing to say against skopeo', async () => {
    await using registry = await TestRegistry.start();
    expect(await roundTrip(registry.host, 'tls-verify=false')).toBe(digest);
    expect(registry.violations).toEqual([]);
    expect(registry.requests({ method: 'PATCH' }).map(({ status }) => status)).toEqual([202, 202]);
  });

  test('with tokens from another server gives skopeo what its scopes allow', async () => {
    await using tokens = await TokenServer.start({ users: USERS });
    await using registry = await TestRegistry.start({ auth: tokens.authentication });
    expect(await roundTrip(registry.host, 'tls-verify=false', `creds=${CREDENTIALS}`)).toBe(digest);
    expect(registry.violations).toEqual([]);
    await expect(roundTrip(registry.host, 'tls-verify=false', 'creds=mason:wrong')).rejects.toThrow(
      /unauthorized|authentication|invalid/i,
    );
  });
});

describe('the real registry', () => {
  test('over plain HTTP', async () => {
    await using registry = await RealRegistry.start();
    expect(await roundTrip(registry.host, 'tls-verify=false')).toBe(digest);
    const puts = (await registry.log()).filter(
      ({ method, path }) => method === 'PUT' && path.includes('manifests'),
    );
    expect(puts).toEqual([{ method: 'PUT', path: '/v2/team/app/manifests/1', status: 201, bytesOut: 0 }]);
  });

  test('with a certificate of an authority of our own, and a user', async () => {
    using authority = new TestAuthority();
    await using registry = await RealRegistry.start({ tls: authority.issue('registry'), auth: 'htpasswd' });
    await writeFile(join(dir, 'ca.crt'), authority.cert);
    expect(await roundTrip(registry.host, `cert-dir=${dir}`, `creds=${CREDENTIALS}`)).toBe(digest);
    await expect(roundTrip(registry.host, `creds=${CREDENTIALS}`)).rejects.toThrow('unknown authority');
  });

  test('trusts the tokens that our server signs', async () => {
    using authority = new TestAuthority();
    const signer = authority.issue('tokens');
    await using tokens = await TokenServer.start({ users: USERS, signer });
    await using registry = await RealRegistry.start({ auth: { tokens, rootCertificates: authority.cert } });
    expect(await roundTrip(registry.host, 'tls-verify=false', `creds=${CREDENTIALS}`)).toBe(digest);
    expect(tokens.log.map(({ status }) => status)).toContain(200);
  });
});
