import { type Source, SourceError, throwSourceErrors } from '../errors/index.ts';
import { readDirectives } from './directives.ts';
import { readHeredocs } from './heredoc.ts';
import { isComment, isEmpty, joinLine, type LogicalLine, SourceLines, spanOf, trimSpace } from './lines.ts';
import { type ParseContext, parseContext, type RawInstruction, type Warning } from './parse-context.ts';
import { parseInstruction } from './parse-instruction.ts';
import { Stages } from './stages.ts';
import type { Dockerfile } from './types.ts';
import { parseOwnDirective } from './unset.ts';

const MAX_LENGTH = 16 * 1024 * 1024;
/** After so many errors nobody reads on. */
const MAX_ERRORS = 100;
const MAX_WARNINGS = 1000;

/**
 * Parses a Dockerfile of at most 16 Mi characters. Every error that does not hide others is reported, up to a hundred,
 * in the order of the text: one is thrown as it is, several as one `SourceErrors`.
 * Source: Dockerfile reference, docker/dockerfile 1.2x.
 */
export function parseDockerfile(source: Source): Dockerfile {
  const { file, errors } = parseWithErrors(source);
  throwSourceErrors(errors);
  return file;
}

/**
 * The same without throwing: instructions that are wrong are not in the file.
 * @throws SourceError where nothing can be read: too long, or directives that contradict each other
 */
export function parseWithErrors(source: Source): {
  readonly file: Dockerfile;
  readonly errors: readonly SourceError[];
} {
  if (source.text.length > MAX_LENGTH) {
    const message = `${source.name} has more than ${MAX_LENGTH} characters`;
    throw new SourceError('DOCKERFILE_SYNTAX', message, { source, span: { start: 0, end: 0 } });
  }
  const lines = new SourceLines(source);
  const { escape, directives, next } = readDirectives(lines);
  const warnings: Warning[] = [];
  const errors: SourceError[] = [];
  const context = parseContext(lines, escape, {
    warn: (warning) => {
      if (warnings.length < MAX_WARNINGS) warnings.push(warning);
    },
    report: (error) => {
      errors.push(error);
    },
  });
  const { globals, stages } = readStages(context, errors, next);
  return { file: { source, escape, directives, globals, stages, warnings }, errors };
}

function readStages(context: ParseContext, errors: readonly SourceError[], first: number): Stages {
  const { lines, source } = context;
  const stages = new Stages(context);
  let comments: string[] = [];
  for (let line = first; line < lines.count && errors.length < MAX_ERRORS; ) {
    const text = lines.text(line);
    if (isEmpty(text)) comments = [];
    else if (isComment(text)) readComment(line, comments, { stages, context });
    else {
      line = readInstruction(joinLine(lines, line, context.escape), { stages, context, comments });
      comments = [];
      continue;
    }
    line += 1;
  }
  if (stages.stages.length === 0 && errors.length === 0) {
    const hint = 'begin with FROM and a base image, or FROM scratch';
    const message = `${source.name} has no FROM`;
    context.report(context.error('DOCKERFILE_SYNTAX', message, { start: 0, end: 0 }, { hint }));
  }
  return stages;
}

type Parts = { readonly stages: Stages; readonly context: ParseContext };

/** A comment may describe the FROM or ARG below it, and may speak to this builder. An empty one ends a description. */
function readComment(line: number, comments: string[], { stages, context }: Parts): void {
  const { lines } = context;
  const text = trimSpace(trimSpace(lines.text(line)).slice(1));
  attempt({ stages, context }, () => {
    const own = parseOwnDirective(lines.text(line), lines.start(line), context);
    if (own !== undefined) stages.add(own);
    else if (text === '') comments.length = 0;
    else comments.push(text);
  });
}

/** Adds the instruction of a line, or reports what is wrong with it; returns the line to go on with. */
function readInstruction(
  line: LogicalLine,
  { stages, context, comments }: Parts & { readonly comments: readonly string[] },
): number {
  const { text } = line;
  const end = /[ \t\v\f\r]|$/.exec(text)?.index ?? 0;
  if (end === 0) return line.next;
  const keyword = { text: text.slice(0, end), span: spanOf(line, 0, end) };
  const { heredocs, next } = readHeredocs(line, context);
  const whole = spanOf(line, 0, text.length);
  const span = { start: whole.start, end: heredocs.at(-1)?.span.end ?? whole.end };
  if (line.emptyAt !== undefined) {
    context.warn({
      rule: 'NoEmptyContinuation',
      message: 'Empty continuation line',
      span: { start: line.emptyAt, end: line.emptyAt },
      hint: 'remove it, or make it a comment',
    });
  }
  const raw: RawInstruction = { line, keyword, argumentsAt: end, heredocs, span };
  attempt({ stages, context }, () => {
    const instruction = parseInstruction(raw, context);
    const described = comments.length > 0 && (instruction.kind === 'from' || instruction.kind === 'arg');
    stages.add(described ? { ...instruction, comments } : instruction);
  });
  return next;
}

function attempt({ stages, context }: Parts, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    context.report(error);
    stages.skip();
  }
}
