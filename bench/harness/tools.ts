import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxContext, dockerfile } from './inputs.ts';
import { DISK, fresh, INPUTS, ROOT, sh, WORK, works } from './shell.ts';

/** The base image of every workload with `RUN`: a static busybox, made by lapidary. */
export const BASE = 'bench-base';
export const BUSYBOX = '/bin/busybox';
const STORES = join(DISK, 'stores');

/** A command of this checkout's lapidary on a store, which is named and kept in .lapidary-bench. */
export function lapidary(store: string, ...args: readonly string[]): readonly string[] {
  const [verb = '', ...rest] = args;
  return [process.execPath, join(ROOT, 'bin/lapidary.js'), verb, '--store', storeOf(store), ...rest];
}

export function storeOf(name: string): string {
  return join(STORES, `lapidary-${name}`);
}

/**
 * Makes a store the same as another one, in hard links: files of a store are complete when they have their name and
 * never written again.
 */
export function resetStore(store: string, template: string): void {
  rmSync(storeOf(store), { recursive: true, force: true });
  sh(['cp', '-al', storeOf(template), storeOf(store)]);
}

/** OCI layout of the base image, tag `base`. */
export const BASE_LAYOUT: string = join(WORK, 'base-layout');

let based = false;

/** The store `base` and buildah's store have the base image. */
export function prepareBase(): void {
  if (based) return;
  fresh(storeOf('base'));
  fresh(BASE_LAYOUT);
  const file = dockerfile('base', ['FROM scratch', 'COPY busybox /bin/busybox']);
  const output = `type=oci,tar=false,dest=${BASE_LAYOUT}`;
  sh(lapidary('base', 'build', '-q', '-t', BASE, '-o', output, '-f', file, busyboxContext()));
  intoBuildah(`oci:${BASE_LAYOUT}`, BASE);
  based = true;
}

/** Reads an image into buildah's store. */
export function intoBuildah(source: string, name: string): void {
  sh(['skopeo', 'copy', '-q', source, inBuildah(name)]);
}

/** The name by which skopeo finds an image of buildah's store. */
export function inBuildah(name: string): string {
  const { root, runroot } = buildahDirectories();
  return `containers-storage:[${storageDriver()}@${root}+${runroot}]localhost/${name}:latest`;
}

export function buildahDirectories(): { readonly root: string; readonly runroot: string } {
  return { root: join(STORES, 'buildah', 'root'), runroot: join(STORES, 'buildah', 'runroot') };
}

let driver: string | undefined;

/** overlay where it works, else vfs. */
export function storageDriver(): string {
  driver ??= works(storage('overlay', 'from', '--name', 'bench-probe', 'scratch')) ? 'overlay' : 'vfs';
  works(storage(driver, 'rm', 'bench-probe'));
  return driver;
}

function storage(driver: string, ...args: readonly string[]): readonly string[] {
  const { root, runroot } = buildahDirectories();
  return ['buildah', '--root', root, '--runroot', runroot, '--storage-driver', driver, ...args];
}

export function buildah(...args: readonly string[]): readonly string[] {
  return storage(storageDriver(), ...args);
}

/** `buildah build` with a cache for every instruction, as lapidary has, and the isolation that works in containers. */
export function buildahBuild(...args: readonly string[]): readonly string[] {
  return buildah('build', '--layers', '--isolation', 'chroot', '--pull-never', ...args);
}

/** Removes an image of buildah's store with all that only it needs. */
export function buildahForget(name: string): void {
  works(buildah('rmi', '-f', name));
  works(buildah('rmi', '--prune', '-f'));
}

let docker: boolean | undefined;

/** Whether a Docker daemon answers; it is given the base image when it does. */
export function dockerAnswers(): boolean {
  if (docker !== undefined) return docker;
  docker = works(['docker', 'info']);
  if (docker) {
    const archive = join(INPUTS, 'base-docker.tar');
    sh(lapidary('base', 'save', '-o', archive, BASE));
    sh(['docker', 'load', '-q', '-i', archive]);
  }
  return docker;
}
