import { busyboxContext, dockerfile, treeContext } from '../harness/inputs.ts';
import { BASE, BUSYBOX } from '../harness/tools.ts';
import type { Workload } from '../harness/types.ts';
import { cachedSides } from './build-sides.ts';

export const MANY = { files: 40_000, meanBytes: 1024 };

const STEPS = Array.from({ length: 10 }, (_, i) => [
  `ENV NAME_${i}=value-${i}`,
  `COPY busybox /copied/${i}`,
  `RUN ["${BUSYBOX}", "touch", "/touched-${i}"]`,
  `WORKDIR /work/${i}`,
]).flat();

export const cached40: Workload = {
  name: 'cached-40-instructions',
  about: 'A build of 40 instructions (10 each of ENV, COPY, RUN, WORKDIR) with nothing changed',
  runs: 15,
  warmUps: 2,
  prepare: () => [
    {
      name: 'cached-40-instructions',
      about: 'Every step is in the cache',
      sides: cachedSides({
        name: 'cached-40',
        dockerfile: dockerfile('cached-40', [`FROM ${BASE}`, ...STEPS]),
        context: busyboxContext(),
      }),
    },
  ],
};

export const cachedManyFiles: Workload = {
  name: 'cached-40000-files',
  about: 'A build that copies a context of 40,000 files (41 MB), with nothing changed',
  runs: 7,
  warmUps: 1,
  prepare: () => [
    {
      name: 'cached-40000-files',
      about: 'The COPY is in the cache; what is left is to find out that no file changed',
      sides: cachedSides({
        name: 'cached-many',
        dockerfile: dockerfile('copy-data', ['FROM scratch', 'COPY data /data/']),
        context: treeContext(MANY),
      }),
    },
  ],
};
