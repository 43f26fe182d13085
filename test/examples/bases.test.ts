import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Workspace } from '../support/cli.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';

let work: Workspace;
beforeAll(async () => {
  work = await exampleWorkspace();
});
afterAll(() => work[Symbol.asyncDispose]());

test.for([
  ['debian:trixie-slim', '13'],
  ['debian:bookworm-slim', '12'],
] as const)('%s is a Debian %s', async ([name, version]) => {
  await debianBases(work, name);
  expect(await work.ok(['run', '--rm', name, 'cat', '/etc/debian_version'])).toMatch(
    new RegExp(`^${version}\\.`),
  );
});
