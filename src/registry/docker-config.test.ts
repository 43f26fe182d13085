import { describe, expect, test } from 'vitest';
import { parseCredentialFile } from './docker-config.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('parseCredentialFile', () => {
  test('every form of entry', () => {
    const file = parseCredentialFile(
      JSON.stringify({
        auths: {
          'https://index.docker.io/v1/': { auth: base64('me:pa:ss') },
          'ghcr.io': { username: 'u', password: 'p' },
          'quay.io/team': { auth: base64('robot:x\0\0') },
          'acr.example': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
          'raw.example': { registrytoken: 'bearer' },
          'helper.example': {},
        },
        credsStore: 'secretservice',
        credHelpers: { 'gcr.io': 'gcloud', 'https://index.docker.io/v1/': 'pass' },
        HttpHeaders: { 'User-Agent': 'x' },
      }),
      '/c.json',
    );
    expect(Object.fromEntries(file.auths)).toEqual({
      'docker.io': { kind: 'password', username: 'me', password: 'pa:ss' },
      'ghcr.io': { kind: 'password', username: 'u', password: 'p' },
      'quay.io/team': { kind: 'password', username: 'robot', password: 'x' },
      'acr.example': { kind: 'identity-token', token: 'refresh' },
      'raw.example': { kind: 'registry-token', token: 'bearer' },
    });
    expect(file.credsStore).toBe('secretservice');
    expect([...file.credHelpers]).toEqual([
      ['gcr.io', 'gcloud'],
      ['docker.io', 'pass'],
    ]);
  });

  test.for([
    { name: 'an empty file', text: '' },
    { name: 'an empty object', text: '{}' },
    { name: 'members of other kinds', text: '{"auths":[],"credsStore":1,"credHelpers":null}' },
    { name: 'entries of other kinds', text: '{"auths":{"a":null,"b":"x","c":{"auth":7}}}' },
  ])('$name: no credentials', ({ text }) => {
    const file = parseCredentialFile(text, '/c.json');
    expect([file.auths.size, file.credHelpers.size, file.credsStore]).toEqual([0, 0, undefined]);
  });

  test.for([
    { name: 'no JSON', text: '{"auths": {"a": {"auth": "c2VjcmV0' },
    { name: 'a list', text: '[]' },
    {
      name: 'a token that no header can hold',
      text: JSON.stringify({ auths: { a: { registrytoken: 'secret\r\nX: y' } } }),
    },
    { name: 'auth without a colon', text: JSON.stringify({ auths: { a: { auth: base64('secret') } } }) },
  ])('$name: an error that names the file and no secret', ({ text }) => {
    const run = (): unknown => parseCredentialFile(text, '/c.json');
    expect(run).toThrow(expect.objectContaining({ code: 'REGISTRY_CONFIG' }));
    expect(run).toThrow('/c.json');
    expect(run).not.toThrow(/secret|c2VjcmV0/);
  });
});
