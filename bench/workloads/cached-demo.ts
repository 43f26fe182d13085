import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assert, ROOT, sh } from '../harness/shell.ts';
import { Unavailable, type Workload } from '../harness/types.ts';

const STORE = join(ROOT, '.lapidary-demo');

/** `lapidary build` of the example on the store that the demo has filled. */
function build(...flags: readonly string[]): readonly string[] {
  const program = [process.execPath, join(ROOT, 'bin/lapidary.js')];
  return [...program, 'build', '--store', STORE, ...flags, '-t', 'hello', join(ROOT, 'examples/hello')];
}

export const cachedDemo: Workload = {
  name: 'cached-demo',
  about: 'A build of examples/hello with nothing changed, as a whole process: 7 steps, two of them RUN',
  runs: 31,
  warmUps: 3,
  prepare: () => {
    if (!existsSync(STORE)) throw new Unavailable('there is no base image: run `npm run demo` once');
    sh(build('-q'));
    return [
      {
        name: 'cached-demo',
        about: 'Every step is in the cache; `node -e 0` is what no program in Node can be faster than',
        sides: [
          { tool: 'lapidary', command: build('-q'), check: allHits },
          { tool: 'node -e 0', command: [process.execPath, '-e', '0'], check: () => undefined },
        ],
      },
    ];
  },
};

function allHits(): void {
  const { stderr } = sh(build('--progress', 'rawjson'));
  const results = [...stderr.matchAll(/"type":"step-end".*?"result":"(\w+)"/g)].map(([, result]) => result);
  assert(
    results.length === 7 && results.every((result) => result === 'hit'),
    () => `steps: ${results.join(', ')}`,
  );
}
