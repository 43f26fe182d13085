import { basename } from 'node:path/posix';
import type { Found } from '../elf/index.ts';
import { quoted } from '../errors/index.ts';
import { nearestNames } from '../tree/index.ts';
import { barrier, mayUse } from './access.ts';
import type { PreflightFinding } from './finding.ts';
import type { Scene } from './scene.ts';

/** A program that was looked for by its name, and what kept it from being found. */
export type Located =
  | { readonly found: Found; readonly problem?: undefined }
  /** `undefined` where nobody can know: it comes with a mount. */
  | { readonly found?: undefined; readonly problem: Omit<PreflightFinding, 'setting'> | undefined };

/** As execvp does: a name with a slash is a path, any other is looked for in the directories of PATH. */
export function locate(scene: Scene, name: string): Located {
  if (name.includes('/')) {
    const path = name.startsWith('/') ? name : `${scene.config.WorkingDir || '/'}/${name}`;
    return at(scene, path);
  }
  let first: Located | undefined;
  for (const directory of scene.path) {
    const located = at(scene, `${directory}/${name}`);
    if (located.found !== undefined) return located;
    if (located.problem?.rule !== 'CommandNotFound') first ??= located;
  }
  return first ?? { problem: notInPath(scene, name) };
}

/** Directories that are made when a container is started. */
const MADE_LATER = /^\/(?:proc|sys|dev)\//;

function at(scene: Scene, path: string): Located {
  const { files, user, config } = scene;
  const resolved = files.resolve(path);
  const inode = resolved.node?.inode;
  if (inode === undefined) {
    const volumes = Object.keys(config.Volumes ?? {});
    const mounted = MADE_LATER.test(path) || volumes.some((volume) => path.startsWith(`${volume}/`));
    return { problem: mounted ? undefined : missing(scene, path, resolved) };
  }
  if (inode.type !== 'file')
    return { problem: { rule: 'CommandNotAFile', message: `it is ${KINDS[inode.type]}, not a file` } };
  const closed = barrier(files.tree, resolved, user);
  if (closed !== undefined) return { problem: closedTo(scene, `/${closed}`) };
  if (!mayUse(inode, user, 'execute')) return { problem: notExecutable(scene, inode.mode) };
  return { found: { path: resolved.path, node: inode, links: resolved.links } };
}

const KINDS = {
  dir: 'a directory',
  symlink: 'a link',
  char: 'a device',
  block: 'a device',
  fifo: 'a pipe',
} as const;

type Problem = Omit<PreflightFinding, 'setting'>;

function missing(
  { files }: Scene,
  path: string,
  { path: end, links }: { path: string; links: readonly string[] },
): Problem {
  const [near] = nearestNames(files.tree, path);
  const last = links.at(-1);
  const message =
    last === undefined
      ? 'there is no such file in the image'
      : `the link ${quoted(`/${last}`)} leads to ${quoted(`/${end}`)}, which is not in the image`;
  const hint =
    near === undefined
      ? 'copy it into the image, or correct the path'
      : `did you mean ${quoted(`/${near}`)}?`;
  return { rule: 'CommandNotFound', message, hint };
}

function notInPath({ files, path, user }: Scene, name: string): Problem {
  const where = path.join(':');
  for (const { path: one, node } of files.tree.walk()) {
    if (basename(one) !== name || node.inode.type !== 'file' || !mayUse(node.inode, user, 'execute'))
      continue;
    const hint = `it is at ${quoted(`/${one}`)}: write that, or add its directory to PATH`;
    return { rule: 'CommandNotFound', message: `it is in none of the directories of PATH (${where})`, hint };
  }
  return {
    rule: 'CommandNotFound',
    message: `it is in none of the directories of PATH (${where})`,
    hint: 'install it, or write its path with a slash',
  };
}

const who = ({ config, user }: Scene): string =>
  config.User ? `the user ${quoted(config.User)}` : user?.uid === 0 ? 'root' : 'the user';

function notExecutable(scene: Scene, mode: number): Problem {
  const octal = mode.toString(8).padStart(4, '0');
  return {
    rule: 'CommandNotExecutable',
    message: `${who(scene)} may not execute it: its mode is ${octal}`,
    hint: 'COPY --chmod=755, or chmod +x where it is made',
  };
}

function closedTo(scene: Scene, directory: string): Problem {
  return {
    rule: 'CommandNotExecutable',
    message: `${who(scene)} may not enter the directory ${quoted(directory)}`,
    hint: 'put the program where this user may go, or change the mode of the directory',
  };
}
