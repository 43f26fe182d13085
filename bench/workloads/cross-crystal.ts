import { join } from 'node:path';
import { assert, cached, fresh, INPUTS, ROOT, sh } from '../harness/shell.ts';
import { lapidary, storeOf } from '../harness/tools.ts';
import type { Case, Side, Workload } from '../harness/types.ts';

const STORE = 'cross-crystal';
const EXAMPLE = join(ROOT, 'examples/cross-crystal');

/** The base images of the example, and how each is made. */
const BASES: Readonly<Record<string, readonly string[]>> = {
  'debian-crystal': ['debian:trixie-slim', '--include', 'crystal'],
  'debian:bookworm-slim': ['debian:bookworm-slim'],
  'arm32v7/debian:bookworm-slim': ['debian:bookworm-slim', '--platform', 'linux/arm/v7'],
};

/** A store with the bases and nothing else; where they are unpacked already, as after the first RUN on them. */
function prepareBases(): void {
  fresh(storeOf(STORE));
  for (const [tag, args] of Object.entries(BASES)) {
    const archive = cached(join(INPUTS, `${tag.replaceAll(/\W/g, '-')}.tar`), (path) => {
      sh(lapidary(STORE, 'bootstrap', '--progress', 'quiet', '--allow-expired', '--tag', tag, ...args));
      sh(lapidary(STORE, 'save', '--format', 'oci', '-o', path, tag));
    });
    sh(lapidary(STORE, 'load', '-q', '-i', archive));
    sh(lapidary(STORE, 'run', tag, 'true'));
  }
}

function side(tool: string, platforms: string, flags: readonly string[] = ['--no-cache']): Side {
  const build = ['build', '-q', '--platform', platforms, '-t', 'measured', ...flags, EXAMPLE];
  return {
    tool,
    command: lapidary(STORE, ...build),
    check: () => {
      for (const platform of platforms.split(',')) {
        const inspect = ['inspect', '--platform', platform, '-f', '{{.Os}}/{{.Architecture}}', 'measured'];
        const found = sh(lapidary(STORE, ...inspect)).stdout.trim();
        assert(platform.startsWith(found), () => `the image is for ${found}, not for ${platform}`);
      }
    },
  };
}

const EMULATED = ['-f', join(EXAMPLE, 'Dockerfile.emulated')];

/** Executes the steps of these stages only. */
const anew = (...stages: readonly string[]): string[] =>
  stages.flatMap((stage) => ['--no-cache-filter', stage]);

const CASES: readonly Case[] = [
  {
    name: 'cross-crystal, one platform',
    about: 'A server in Crystal for linux/arm/v7, no step cached: the same object, linked in two ways',
    sides: [
      side('cross-linked', 'linux/arm/v7'),
      side('linked in emulation', 'linux/arm/v7', ['--no-cache', ...EMULATED]),
    ],
  },
  {
    name: 'cross-crystal, without the compiler',
    about: 'The same with the object in the cache: a linker and libraries are installed, and it is linked',
    sides: [
      side('cross-linked', 'linux/arm/v7', anew('linker', 'link')),
      side('linked in emulation', 'linux/arm/v7', [...anew('link', 'image'), ...EMULATED]),
    ],
  },
  {
    name: 'cross-crystal, two platforms',
    about: 'No step cached, for linux/arm64 and linux/arm/v7, cross-linked',
    sides: [side('cross-linked', 'linux/arm64,linux/arm/v7')],
  },
];

export const crossCrystal: Workload = {
  name: 'cross-crystal',
  about: 'Cold builds of examples/cross-crystal; the bases are in the store',
  runs: 1,
  warmUps: 0,
  prepare: () => {
    prepareBases();
    return CASES;
  },
};
