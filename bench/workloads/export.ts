import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assertSame, contentsOf, contentsOnDisk } from '../harness/check.ts';
import { bigContext, dockerfile } from '../harness/inputs.ts';
import { sh, WORK } from '../harness/shell.ts';
import { buildah, buildahBuild, inBuildah, lapidary, resetStore } from '../harness/tools.ts';
import type { Case, Side, Workload } from '../harness/types.ts';

const NAME = 'export-gib';
const MEDIA_TYPES = { gzip: 'tar+gzip', zstd: 'tar+zstd', uncompressed: 'tar' } as const;
type Compression = keyof typeof MEDIA_TYPES;

function prepare(): readonly Case[] {
  const context = bigContext();
  const args = [
    '-q',
    '-t',
    NAME,
    '-f',
    dockerfile('copy-data', ['FROM scratch', 'COPY data /data/']),
    context,
  ];
  const built = `${NAME}-built`;
  resetStore(built, 'base');
  sh(lapidary(built, 'build', ...args));
  sh(buildahBuild(...args));
  const expected = contentsOnDisk(join(context, 'data'));
  return (['uncompressed', 'zstd', 'gzip'] as const).map((compression) => {
    const out = (tool: string): string => join(WORK, `${NAME}-${tool}.tar`);
    const check = (tool: string) => (): void => {
      const { files, bytes, mediaTypes } = contentsOf(out(tool));
      assertSame(
        { files, bytes, mediaTypes },
        { ...expected, mediaTypes: [MEDIA_TYPES[compression]] },
        'contents',
      );
      rmSync(out(tool));
    };
    const output = `type=oci,dest=${out('lapidary')},compression=${compression}`;
    return {
      name: `export-${compression}`,
      about: `To an OCI archive, ${compression}; lapidary digests its layer and packs it, buildah has the digest of its layer`,
      sides: [
        {
          tool: 'lapidary build -o (cached)',
          before: () => {
            resetStore(NAME, built);
            rmSync(out('lapidary'), { force: true });
          },
          command: lapidary(NAME, 'build', '-o', output, ...args),
          check: check('lapidary'),
        },
        {
          ...peer(compression, out('peer')),
          before: () => rmSync(out('peer'), { force: true }),
          check: check('peer'),
        },
      ],
    };
  });
}

/** The one of buildah and skopeo that can write this from buildah's store; both are of the same library. */
function peer(compression: Compression, out: string): Pick<Side, 'tool' | 'command'> {
  const to = `oci-archive:${out}`;
  if (compression === 'gzip') return { tool: 'buildah push', command: buildah('push', '-q', NAME, to) };
  if (compression === 'zstd') {
    const command = buildah('push', '-q', '--compression-format', 'zstd', NAME, to);
    return { tool: 'buildah push --compression-format zstd', command };
  }
  const flag = '--dest-oci-accept-uncompressed-layers';
  return { tool: 'skopeo copy', command: ['skopeo', 'copy', '-q', flag, inBuildah(NAME), to] };
}

export const exportGiB: Workload = {
  name: 'export-1-gib',
  about: 'Export of an image with one layer of 1 GiB that is in the store',
  runs: 3,
  warmUps: 0,
  prepare,
};
