import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assertSame, assertSameTree, contentsOf, contentsOnDisk } from '../harness/check.ts';
import { bigContext, dockerfile, treeContext } from '../harness/inputs.ts';
import { fresh, sh, shellWords, WORK } from '../harness/shell.ts';
import { buildah, buildahBuild, buildahForget, lapidary, resetStore } from '../harness/tools.ts';
import type { Case, Workload } from '../harness/types.ts';
import { coldSides } from './build-sides.ts';
import { MANY } from './cached.ts';

const COPY_DATA = ['FROM scratch', 'COPY data /data/'];

function manyFiles(): readonly Case[] {
  const name = 'copy-many';
  const context = treeContext(MANY);
  const out = (tool: string): string => join(WORK, `${name}-${tool}.tar`);
  const args = ['-q', '-t', name, '-f', dockerfile('copy-data', COPY_DATA), context];
  const check = (tool: string) => () => assertSameTree(out(tool), join(context, 'data'));
  const push = buildah('push', '-q', name, `oci-archive:${out('buildah')}`);
  return [
    {
      name: 'copy-40000-files-to-oci',
      about:
        'Empty cache to OCI archive with a gzip layer; buildah needs a build and a push; tar -czf makes no image',
      sides: [
        {
          tool: 'lapidary',
          before: () => {
            resetStore(name, 'base');
            rmSync(out('lapidary'), { force: true });
          },
          command: lapidary(name, 'build', '-o', `type=oci,dest=${out('lapidary')}`, ...args),
          check: check('lapidary'),
        },
        {
          tool: 'buildah build + push',
          before: () => {
            buildahForget(name);
            rmSync(out('buildah'), { force: true });
          },
          command: ['sh', '-c', `${shellWords(buildahBuild('--no-cache', ...args))} && ${shellWords(push)}`],
          check: check('buildah'),
        },
        {
          tool: 'tar -czf',
          before: () => rmSync(out('tar'), { force: true }),
          command: ['tar', '-czf', out('tar'), '-C', context, '--sort=name', 'data'],
          check: () => {
            const root = fresh(join(WORK, 'check-root'));
            sh(['tar', '-xf', out('tar'), '-C', root]);
            sh(['diff', '-rq', join(root, 'data'), join(context, 'data')]);
            fresh(root);
          },
        },
      ],
    },
  ];
}

export const copyManyFiles: Workload = {
  name: 'copy-40000-files-to-oci',
  about: 'COPY of 40,000 files (41 MB) with an empty cache, exported as an OCI archive',
  runs: 5,
  warmUps: 1,
  prepare: manyFiles,
};

function oneGiB(): readonly Case[] {
  const context = bigContext();
  const expected = contentsOnDisk(join(context, 'data'));
  const copy = join(WORK, 'copy-gib-cp');
  const check = (archive: string): void => {
    const { files, bytes } = contentsOf(archive);
    assertSame({ files, bytes }, expected, 'contents');
  };
  return [
    {
      name: 'copy-1-gib',
      about:
        'Empty cache to image in the store, without an export; cp -r makes no image and computes no digest',
      sides: [
        ...coldSides(
          { name: 'copy-gib', dockerfile: dockerfile('copy-data', COPY_DATA), context },
          { check },
        ),
        {
          tool: 'cp -r',
          before: () => rmSync(copy, { recursive: true, force: true }),
          command: ['cp', '-r', join(context, 'data'), copy],
          check: () => {
            assertSame(contentsOnDisk(copy), expected, 'contents');
            rmSync(copy, { recursive: true });
          },
        },
      ],
    },
  ];
}

export const copyGiB: Workload = {
  name: 'copy-1-gib',
  about: 'COPY of 1 GiB in 8 files with an empty cache',
  runs: 3,
  warmUps: 1,
  prepare: oneGiB,
};
