import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertSameTree, savedByBuildah, savedByLapidary } from '../harness/check.ts';
import { dockerfile, writeTree } from '../harness/inputs.ts';
import { cached, INPUTS, sh } from '../harness/shell.ts';
import { buildahBuild, lapidary, resetStore } from '../harness/tools.ts';
import type { Case, Workload } from '../harness/types.ts';
import { MANY } from './cached.ts';

const NAME = 'one-change';

function prepare(): readonly Case[] {
  // Not the context that others share: this one changes.
  const context = cached(join(INPUTS, 'changing'), (path) => writeTree(join(path, 'data'), MANY));
  const args = [
    '-q',
    '-t',
    NAME,
    '-f',
    dockerfile('copy-data', ['FROM scratch', 'COPY data /data/']),
    context,
  ];
  let version = 0;
  const change = (): void => {
    version++;
    writeFileSync(join(context, 'data/d8/e200/file-20000.txt'), `changed ${Date.now()} ${version}\n`);
  };
  resetStore(NAME, 'base');
  sh(lapidary(NAME, 'build', ...args));
  // buildah keeps nothing of an earlier build that a changed context could use: its first run is like the others.
  const same = (archive: string): void => assertSameTree(archive, join(context, 'data'));
  return [
    {
      name: NAME,
      about: 'Before every run the same file of 40,000 gets other contents; the result is in the store',
      sides: [
        {
          tool: 'lapidary',
          before: change,
          command: lapidary(NAME, 'build', ...args),
          check: () => same(savedByLapidary(NAME, NAME)),
        },
        {
          tool: 'buildah',
          before: change,
          command: buildahBuild(...args),
          check: () => same(savedByBuildah(NAME)),
        },
      ],
    },
  ];
}

export const oneChange: Workload = {
  name: 'one-change-in-40000-files',
  about: 'A build that copies a context of 40,000 files of which one changed since the last build',
  runs: 5,
  warmUps: 1,
  prepare,
};
