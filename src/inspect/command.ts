import { basename } from 'node:path/posix';
import type { Found } from '../elf/index.ts';
import { quoted } from '../errors/index.ts';
import { nearestNames } from '../tree/index.ts';
import { barrier, mayUse } from './access.ts';
import { type Command, isBrokenList, plainProgram } from './command-line.ts';
import { instructionOf, type PreflightFinding } from './finding.ts';
import { findingsOfProgram } from './program.ts';
import type { Scene } from './scene.ts';

/** A program that was looked for by its name, and what kept it from being found. */
type Located =
  | { readonly found: Found; readonly problem?: undefined }
  /** `undefined` where nobody can know: it comes with a mount. */
  | { readonly found?: undefined; readonly problem: Omit<PreflightFinding, 'setting'> | undefined };

export type LookedAt = {
  readonly findings: readonly PreflightFinding[];
  /** What is started in the end, where that is certain and in order. */
  readonly program?: Found;
};

/** What would keep a command of an image from being started. */
export async function commandFindings(scene: Scene, command: Command): Promise<LookedAt> {
  const { setting, argv, line } = command;
  const subject = instructionOf(setting);
  if (line !== undefined && isBrokenList(line)) {
    const message = `${subject} is a list that is not valid JSON, so a shell is started with ${quoted(line)}`;
    const hint = 'put double quotes around every item, commas between them, and nothing behind the ]';
    return { findings: [{ rule: 'BrokenListForm', setting, message, hint }] };
  }
  const { found, problem } = locate(scene, argv[0]);
  const problems = found === undefined ? [problem] : await findingsOfProgram(scene, found);
  const findings = problems.flatMap((one) => (one === undefined ? [] : { setting, ...asOf(command, one) }));
  if (found === undefined || findings.length > 0) return { findings };
  return line === undefined ? { findings, program: found } : await lookAtLine(scene, command, found);
}

/** The same, said of the instruction. */
function asOf(
  { setting, argv: [program], line }: Command,
  finding: Omit<PreflightFinding, 'setting'>,
): Omit<PreflightFinding, 'setting'> {
  const subject = instructionOf(setting);
  if (line === undefined || finding.rule !== 'CommandNotFound')
    return { ...finding, message: `${subject} ${quoted(program)}: ${finding.message}` };
  return {
    rule: 'ShellNotFound',
    message: `${subject} is started by the shell ${quoted(program)}, which is not in the image`,
    hint: `write it as a list, such as ${subject} ["/app", "--flag"], or take a base that has a shell`,
  };
}

/** At what a shell starts, where that is plain. */
async function lookAtLine(scene: Scene, { setting, line = '' }: Command, shell: Found): Promise<LookedAt> {
  const name = plainProgram(line);
  // These find many programs in themselves
  if (name === undefined || /busybox|toybox/.test(shell.path)) return { findings: [] };
  const { found, problem } = locate(scene, name);
  const problems = found === undefined ? [problem] : await findingsOfProgram(scene, found);
  const findings = problems.flatMap((one) =>
    // A shell takes what is neither for a script of its own
    one === undefined || one.rule === 'CommandNotAProgram'
      ? []
      : { setting, ...one, message: `${instructionOf(setting)} ${quoted(name)}: ${one.message}` },
  );
  return found === undefined || findings.length > 0 ? { findings } : { findings, program: found };
}

/** As execvp does: a name with a slash is a path, any other is looked for in the directories of PATH. */
function locate(scene: Scene, name: string): Located {
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
