import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { removeScratch } from './remove-scratch.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The store with the base images that all tests of examples share. */
    readonly exampleStore: string;
  }
}

const kept = process.env['LAPIDARY_EXAMPLE_STORE'];
let dir = '';

/** Once a run: `LAPIDARY_EXAMPLE_STORE` names a store that is kept, with the bases in it, for the next. */
export async function setup(project: TestProject): Promise<void> {
  dir = kept === undefined ? await mkdtemp(join(tmpdir(), 'lapidary-examples-')) : resolve(kept);
  await mkdir(dir, { recursive: true });
  project.provide('exampleStore', dir);
}

export async function teardown(): Promise<void> {
  if (kept === undefined) await removeScratch(dir);
}
