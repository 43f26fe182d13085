import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { listContext } from './context-listing.ts';

let root = '';
const files: Readonly<Record<string, string>> = {
  Dockerfile: 'FROM scratch',
  '.dockerignore': '# no\nnode_modules\n*.log\ndocs\n!docs/keep\n',
  'other.Dockerfile.dockerignore': '*\n',
  'node_modules/a/b': '12345',
  'node_modules/c': '1',
  'x.log': '123',
  'docs/keep': 'k',
  'docs/drop': 'dd',
  'src/main': 'mm',
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-listing-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await symlink('main', join(root, 'src/link'));
});
afterAll(() => rm(root, { recursive: true }));

test('each file with the rule that decided, excluded directories as one', async () => {
  const { files: listed, ...rest } = await listContext(root);
  expect(rest).toEqual({
    ignoreFile: '.dockerignore',
    included: { files: 6, size: 57 },
    excluded: { files: 4, size: 11 },
  });
  const rows = listed.map(({ path, included, size, files: count, line = 0, rule = '' }) => [
    path,
    included,
    size,
    count,
    line,
    rule,
  ]);
  expect(rows).toEqual([
    ['.dockerignore', true, 40, 1, 0, ''],
    ['Dockerfile', true, 12, 1, 0, ''],
    ['docs/drop', false, 2, 1, 4, 'docs'],
    ['docs/keep', true, 1, 1, 5, '!docs/keep'],
    ['node_modules/', false, 6, 2, 2, 'node_modules'],
    ['other.Dockerfile.dockerignore', true, 2, 1, 0, ''],
    ['src/link', true, 0, 1, 0, ''],
    ['src/main', true, 2, 1, 0, ''],
    ['x.log', false, 3, 1, 3, '*.log'],
  ]);
});

test('a Dockerfile has an ignore file of its own', async () => {
  const listing = await listContext(root, join(root, 'other.Dockerfile'));
  expect(listing.ignoreFile).toBe('other.Dockerfile.dockerignore');
  expect(listing.included.files).toBe(0);
});

test('without an ignore file all is included', async () => {
  const listing = await listContext(join(root, 'src'));
  expect(listing).toMatchObject({ included: { files: 2 }, excluded: { files: 0 } });
  expect(listing).not.toHaveProperty('ignoreFile');
});

test('a directory that is not there', async () => {
  await expect(listContext(join(root, 'gone'))).rejects.toThrow(LapidaryError);
});
