import { assert } from '../harness/shell.ts';
import { lapidary } from '../harness/tools.ts';
import type { Case, Output, Workload } from '../harness/types.ts';

const CASES: readonly Case[] = [
  {
    name: 'start-up --version',
    about: '`node -e 0` is what no program in Node can be faster than',
    sides: [
      {
        tool: 'lapidary',
        command: lapidary('base', 'version').slice(0, 2).concat('--version'),
        check: says('0.'),
      },
      { tool: 'node -e 0', command: [process.execPath, '-e', '0'], check: says('') },
      { tool: 'buildah', command: ['buildah', '--version'], check: says('buildah version') },
      { tool: 'skopeo', command: ['skopeo', '--version'], check: says('skopeo version') },
      { tool: 'umoci', command: ['umoci', '--version'], check: says('umoci version') },
    ],
  },
  {
    name: 'start-up build --help',
    about: 'The help with the most flags',
    sides: [
      { tool: 'lapidary', command: lapidary('base', 'build', '--help'), check: says('--build-context') },
      { tool: 'buildah', command: ['buildah', 'build', '--help'], check: says('--build-context') },
    ],
  },
];

function says(text: string): (last: Output) => void {
  return ({ stdout }) => assert(stdout.includes(text), () => `it does not say "${text}"`);
}

export const startUp: Workload = {
  name: 'start-up',
  about: 'Whole processes that do no work',
  runs: 25,
  warmUps: 3,
  prepare: () => CASES,
};
