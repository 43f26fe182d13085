import { inject } from 'vitest';
import { Workspace } from './cli.ts';

/** The base images that Dockerfiles of `examples/` name, and how each is made. */
const BASES = {
  'debian:trixie-slim': ['debian:trixie-slim'],
  'debian:bookworm-slim': ['debian:bookworm-slim'],
  'debian-crystal:latest': ['debian:trixie-slim', '--include', 'crystal'],
  'arm32v7/debian:bookworm-slim': ['debian:bookworm-slim', '--platform', 'linux/arm/v7'],
} as const;

type Base = keyof typeof BASES;

/** A place for one test file whose store is that of all tests of examples. */
export function exampleWorkspace(): Promise<Workspace> {
  return Workspace.create(undefined, inject('exampleStore'));
}

/** Bootstraps what the store does not have yet: once a run, as files of tests run one after the other. */
export async function debianBases(work: Workspace, ...bases: readonly Base[]): Promise<void> {
  for (const tag of bases) {
    const [repository, wanted] = tag.split(':');
    const here = await work.ok(['images', '--format', '{{.Tag}}', repository ?? tag]);
    if (here.split('\n').includes(wanted ?? '')) continue;
    await work.ok(['bootstrap', '--progress', 'plain', '--allow-expired', '--tag', tag, ...BASES[tag]]);
  }
}
