import type { Dockerfile, Heredoc, Instruction } from './types.ts';

/** An instruction as text that parses to the same instruction: its one line, and its here-documents. */
export function formatInstruction(instruction: Instruction): string {
  const comments = (instruction.comments ?? []).map((line) => `# ${line}\n`).join('');
  const bodies = heredocsOf(instruction).map((doc) => `\n${doc.body}${doc.name}`);
  // An escape character at the end continues the line, unless white space other than spaces and tabs follows
  const text = /[\\`]$/.test(instruction.text) ? `${instruction.text}\f` : instruction.text;
  return `${comments}${text}${bodies.join('')}`;
}

function heredocsOf(instruction: Instruction): readonly Heredoc[] {
  switch (instruction.kind) {
    case 'run':
      return instruction.command.form === 'shell' ? instruction.command.heredocs : [];
    case 'copy':
    case 'add':
      return instruction.transfer.heredocs;
    case 'onbuild':
      return heredocsOf(instruction.trigger);
    default:
      return [];
  }
}

/** A whole file in one form: directives, an instruction a line, an empty line before every stage. */
export function formatDockerfile(file: Dockerfile): string {
  const directives = Object.entries(file.directives).map(([name, word]) => `# ${name}=${word.text}`);
  const blocks = [directives, file.globals.map(formatInstruction)].map((lines) => lines.join('\n'));
  const stages = file.stages.map((stage) =>
    [stage.from, ...stage.instructions].map(formatInstruction).join('\n'),
  );
  const text = [...blocks, ...stages].filter((block) => block !== '').join('\n\n');
  // A comment in the first line could be taken for a directive
  return directives.length === 0 && text.startsWith('#') ? `\n${text}\n` : `${text}\n`;
}
