import { type Source, SourceError, SourceErrors } from '../errors/index.ts';
import { readDirectives } from './directives.ts';
import { readHeredocs } from './heredoc.ts';
import { isComment, isEmpty, joinLine, type LogicalLine, SourceLines, spanOf } from './lines.ts';
import { type ParseContext, parseContext, type RawInstruction, type Warning } from './parse-context.ts';
import { parseInstruction } from './parse-instruction.ts';
import type { Dockerfile, Instruction, InstructionOf, Stage } from './types.ts';

/**
 * Parses a Dockerfile. Every error that does not hide others is reported: one is thrown as it is, several as one
 * `SourceErrors`.
 * Source: Dockerfile reference, docker/dockerfile 1.2x.
 */
export function parseDockerfile(source: Source): Dockerfile {
  const lines = new SourceLines(source);
  const { escape, directives } = readDirectives(lines);
  const warnings: Warning[] = [];
  const errors: SourceError[] = [];
  const context = parseContext(lines, escape, {
    warn: (warning) => warnings.push(warning),
    report: (error) => errors.push(error),
  });
  const instructions: Instruction[] = [];
  for (let line = 0; line < lines.count; ) {
    if (isComment(lines.text(line)) || isEmpty(cleanFirst(lines, line))) {
      line += 1;
      continue;
    }
    const joined = joinLine(lines, line, escape);
    line = collect(errors, joined.next, () => {
      const { instruction, next } = readInstruction(joined, context);
      if (instruction) instructions.push(instruction);
      return next;
    });
  }
  const { globals, stages } = group(instructions, context, errors);
  const [first, second] = errors;
  if (second !== undefined) throw new SourceErrors(errors);
  if (first !== undefined) throw first;
  return { source, escape, directives, globals, stages, warnings };
}

/** A byte order mark may stand in front of the first line. */
function cleanFirst(lines: SourceLines, line: number): string {
  const text = lines.text(line);
  return line === 0 ? text.replace(/^\uFEFF/, '') : text;
}

/** Runs a part of the parser; a source error is kept, and `fallback` says where to go on. */
function collect(errors: SourceError[], fallback: number, work: () => number): number {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    errors.push(error);
    return fallback;
  }
}

const HEREDOC_KINDS = /^(?:onbuild\s+)?(?:run|copy|add)\b/i;

function readInstruction(
  line: LogicalLine,
  context: ParseContext,
): { readonly instruction: Instruction | undefined; readonly next: number } {
  const { text } = line;
  const from = text.startsWith('\uFEFF') ? 1 : 0;
  const end = /\s/.exec(text.slice(from))?.index ?? text.length - from;
  const keyword = { text: text.slice(from, from + end), span: spanOf(line, from, from + end) };
  if (keyword.text === '') return { instruction: undefined, next: line.next };
  const { heredocs, next } = HEREDOC_KINDS.test(text)
    ? readHeredocs(line, from + end, context)
    : { heredocs: [], next: line.next };
  const whole = spanOf(line, from, text.length);
  const span = { start: whole.start, end: heredocs.at(-1)?.span.end ?? whole.end };
  if (line.emptyAt !== undefined) {
    context.warn({
      message: 'an empty line inside of an instruction is deprecated',
      span: { start: line.emptyAt, end: line.emptyAt },
      hint: 'remove it, or make it a comment',
    });
  }
  const raw: RawInstruction = { line, keyword, argumentsAt: from + end, heredocs, span };
  return { instruction: parseInstruction(raw, context), next };
}

/** Puts instructions under the FROM they follow. */
function group(
  instructions: readonly Instruction[],
  context: ParseContext,
  errors: SourceError[],
): { readonly globals: InstructionOf<'arg'>[]; readonly stages: Stage[] } {
  const globals: InstructionOf<'arg'>[] = [];
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const current = stages.at(-1);
    if (instruction.kind === 'from') stages.push(openStage(instruction, stages, { context, errors }));
    else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.kind === 'arg') globals.push(instruction);
    else errors.push(beforeFrom(instruction, context));
  }
  if (stages.length === 0 && errors.length === 0) {
    const span = { start: 0, end: 0 };
    const hint = 'begin with FROM and a base image, or FROM scratch';
    errors.push(context.error('DOCKERFILE_SYNTAX', `${context.source.name} has no FROM`, span, { hint }));
  }
  return { globals, stages };
}

function openStage(
  from: InstructionOf<'from'>,
  stages: readonly Stage[],
  { context, errors }: { readonly context: ParseContext; readonly errors: SourceError[] },
): Stage & { readonly instructions: Instruction[] } {
  const name = from.name?.text.toLowerCase();
  if (from.name !== undefined && stages.some((stage) => stage.name === name)) {
    const hint = 'give one of them another name';
    errors.push(
      context.error('DOCKERFILE_STAGE', `there are two stages called ${from.name.text}`, from.name.span, {
        hint,
      }),
    );
  }
  return { index: stages.length, from, instructions: [], ...(name === undefined ? {} : { name }) };
}

function beforeFrom(instruction: Instruction, context: ParseContext): SourceError {
  const keyword = instruction.keyword.text.toUpperCase();
  return context.error(
    'DOCKERFILE_SYNTAX',
    `${keyword} stands before the first FROM`,
    instruction.keyword.span,
    {
      hint: 'only ARG may; begin with FROM and a base image, or FROM scratch',
    },
  );
}
