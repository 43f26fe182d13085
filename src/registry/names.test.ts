import { describe, expect, test } from 'vitest';
import { hostOf, normaliseServer, prefixesOf } from './names.ts';

describe('normaliseServer', () => {
  test.for([
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1/access-token', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['docker.io/me', 'docker.io/me'],
    ['GHCR.io', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['http://localhost:5000/v2/', 'localhost:5000'],
    ['localhost:5000/v1/', 'localhost:5000'],
    ['quay.io/team/app/', 'quay.io/team/app'],
    ['https://quay.io/team', 'quay.io'],
  ])('%s is %s', ([server, want]) => {
    expect(normaliseServer(server ?? '')).toBe(want);
  });
});

test('Docker Hub is reached by another name than it is called', () => {
  expect([hostOf('docker.io'), hostOf('quay.io')]).toEqual(['registry-1.docker.io', 'quay.io']);
});

test('prefixesOf goes from the most particular to the host', () => {
  expect(prefixesOf('quay.io/a/b')).toEqual(['quay.io/a/b', 'quay.io/a', 'quay.io']);
});
