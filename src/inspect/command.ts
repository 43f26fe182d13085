import type { Found } from '../elf/index.ts';
import { quoted } from '../errors/index.ts';
import { type Command, isBrokenList, plainProgram } from './command-line.ts';
import { instructionOf, type PreflightFinding } from './finding.ts';
import { locate } from './locate.ts';
import { findingsOfProgram } from './program.ts';
import type { Scene } from './scene.ts';

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
