import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';

const MAIN = fileURLToPath(new URL('../support/turns-main.ts', import.meta.url));
const FILES = 40_000;
/** CPU time in ms for which nothing else on the event loop gets a turn. */
const MOST = 50;

let work: Workspace;
beforeAll(async () => {
  // Tens of thousands of files are slow to make on some disks, and slower to remove
  work = await Workspace.create(existsSync('/dev/shm') ? '/dev/shm' : undefined);
  await work.busyboxBase();
  for (const [name, files] of [['few', 10] as const, ['many', FILES] as const]) {
    for (let n = 0; n < files; n++) {
      const directory = work.path(name, 'data', `d${Math.floor(n / 100)}`);
      if (n % 100 === 0) mkdirSync(directory, { recursive: true });
      writeFileSync(`${directory}/file-${n}`, n % 20 === 0 ? `${n}` : '');
    }
    await work.files(name, {
      Dockerfile: [
        'FROM base AS made',
        `RUN mkdir /made && cd /made && seq 1 ${files / 4} | xargs touch`,
        'FROM base',
        'COPY data /data/',
        'COPY --from=made /made /made/',
      ].join('\n'),
      'onto/Dockerfile': `FROM ${name}\nWORKDIR /data\nCOPY data/d0 /data/d0/\n`,
    });
  }
});
afterAll(() => work[Symbol.asyncDispose]());

const ABOUT = [
  'a build that copies 40,000 files and runs a command that writes 10,000',
  'the same from the cache, with an export as OCI',
  'an export as eStargz',
  'an export of the root filesystem',
  'a load',
  'a build onto 50,000 files',
];

function commands(name: string): string[][] {
  const to = (file: string): string => work.path(`${name}-${file}`);
  const build = ['build', '-q', '-t', name, work.path(name)];
  const onto = work.path(name, 'onto/Dockerfile');
  return [
    build,
    [...build, '-o', `type=oci,dest=${to('oci.tar')}`],
    [...build, '-o', `type=oci,compression=estargz,dest=${to('estargz.tar')}`],
    [...build, '-o', 'type=tar,dest=/dev/null'],
    ['load', '-q', '-i', to('oci.tar')],
    ['build', '-q', '-f', onto, work.path(name)],
  ];
}

test(`no turn of the event loop takes ${MOST} ms, whatever 40,000 files need`, async () => {
  // The first round loads the modules
  const all = [...commands('few'), ...commands('many')];
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, JSON.stringify(all)], {
    cwd: work.dir,
    env: { PATH: process.env['PATH'], HOME: work.dir, LAPIDARY_STORE: work.store },
  });
  const turns = (JSON.parse(stdout) as number[]).slice(commands('few').length);
  expect(turns).toHaveLength(ABOUT.length);
  const long = turns.flatMap((ms, i) => (ms < MOST ? [] : [`${ABOUT[i]}: ${ms.toFixed(0)} ms`]));
  expect(long).toEqual([]);
});
