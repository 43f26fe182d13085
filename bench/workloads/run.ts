import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertSame, assertSameTree, contentsOf } from '../harness/check.ts';
import { busyboxContext, dockerfile, treeContext } from '../harness/inputs.ts';
import { cached, INPUTS, sh } from '../harness/shell.ts';
import { BASE, BUSYBOX, buildahBuild, lapidary, resetStore } from '../harness/tools.ts';
import type { Case, Workload } from '../harness/types.ts';
import { coldSides } from './build-sides.ts';

const WRITTEN = { files: 15_000, meanBytes: 4000 };

/** A base image with the files as a tar, already unpacked in lapidary's store as it is in buildah's. */
function runLayer(): readonly Case[] {
  const tree = treeContext(WRITTEN);
  const context = cached(join(INPUTS, 'tar-of-files'), (path) => {
    mkdirSync(path, { recursive: true });
    copyFileSync('/bin/busybox', join(path, 'busybox'));
    sh(['tar', '-cf', join(path, 'files.tar'), '--sort=name', '-C', tree, 'data']);
  });
  const base = 'bench-run-layer-base';
  const args = [
    '-q',
    '-t',
    base,
    '-f',
    dockerfile('tar-base', ['FROM scratch', 'COPY busybox /bin/', 'COPY files.tar /']),
    context,
  ];
  resetStore(base, 'base');
  sh(lapidary(base, 'build', ...args));
  sh(buildahBuild(...args));
  const unpacks = dockerfile('tar-unpacked', [`FROM ${base}`, `RUN ["${BUSYBOX}", "true"]`]);
  sh(lapidary(base, 'build', '-q', '-f', unpacks, busyboxContext()));
  const file = dockerfile('run-layer', [`FROM ${base}`, `RUN ["${BUSYBOX}", "tar", "-xf", "/files.tar"]`]);
  return [
    {
      name: 'run-layer-15000-files',
      about: 'RUN of busybox tar that writes the files, and the layer made of them',
      sides: coldSides(
        { name: 'run-layer', dockerfile: file, context: busyboxContext() },
        { template: base, check: (archive) => assertSameTree(archive, join(tree, 'data')) },
      ),
    },
  ];
}

export const layerOfRun: Workload = {
  name: 'run-layer-15000-files',
  about: 'The layer of a RUN that wrote 15,000 files (60 MB)',
  runs: 3,
  warmUps: 1,
  prepare: runLayer,
};

const CHAIN = 30;

/** Layers of nothing may be left out, which is for the tool to say. */
function assertNoFiles(archive: string): void {
  assertSame({ files: contentsOf(archive).files }, { files: 0 }, 'contents');
}

export const runChain: Workload = {
  name: 'run-chain-30',
  about: 'A chain of 30 times RUN true with an empty cache',
  runs: 5,
  warmUps: 1,
  prepare: () => {
    const lines = [`FROM ${BASE}`, ...Array.from({ length: CHAIN }, () => `RUN ["${BUSYBOX}", "true"]`)];
    const request = {
      name: 'run-chain',
      dockerfile: dockerfile('run-chain', lines),
      context: busyboxContext(),
    };
    return [
      {
        name: 'run-chain-30',
        about: 'What a step costs beside its command',
        sides: coldSides(request, { check: assertNoFiles }),
      },
    ];
  },
};

const STAGES = 8;
const LOOP = 400_000;

function stages(): readonly Case[] {
  const count = `i=0; while [ $i -lt ${LOOP} ]; do i=$((i+1)); done`;
  const lines = Array.from({ length: STAGES }, (_, i) => [
    `FROM ${BASE} AS s${i}`,
    `RUN ["${BUSYBOX}", "sh", "-c", "${count}; ${BUSYBOX} mkdir /data; echo ${i} $i > /data/${i}"]`,
  ]);
  const copies = Array.from({ length: STAGES }, (_, i) => `COPY --from=s${i} /data/${i} /data/${i}`);
  const file = dockerfile('stages', [...lines.flat(), 'FROM scratch', ...copies]);
  const check = (archive: string): void => {
    const { files, bytes } = contentsOf(archive);
    assertSame({ files, bytes }, { files: STAGES, bytes: STAGES * `0 ${LOOP}\n`.length }, 'contents');
  };
  const name = 'stages';
  const request = { name, dockerfile: file, context: busyboxContext() };
  return [
    {
      name: 'stages-8',
      about: 'Each stage is a shell that counts; a chain of COPY takes their results',
      sides: [
        ...coldSides(request, { check }),
        ...coldSides({ ...request, flags: ['--jobs', '2'], suffix: ' --jobs 2' }, { check }),
      ],
    },
  ];
}

export const eightStages: Workload = {
  name: 'stages-8',
  about: 'Eight independent stages that need a CPU each, with an empty cache',
  runs: 3,
  warmUps: 1,
  prepare: stages,
};
