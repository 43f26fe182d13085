import { quoted, suggest } from '../errors/index.ts';
import { INSTRUCTION_FLAGS, readFlags } from './flags.ts';
import { trimSpace } from './lines.ts';
import { argumentsOf, parseHealthcheck, parseRun, parseShell, parseStart } from './parse-command.ts';
import type { ParseContext, RawInstruction } from './parse-context.ts';
import { parseAdd, parseCopy } from './parse-transfer.ts';
import { parseArg, parseExpose, parseFrom, parsePairs, parseSingle, parseVolume } from './parse-values.ts';
import type { Instruction, InstructionKind, InstructionOf } from './types.ts';

export const INSTRUCTION_KINDS: readonly InstructionKind[] = Object.keys(
  INSTRUCTION_FLAGS,
) as InstructionKind[];

type Body = { [K in InstructionKind]: Omit<InstructionOf<K>, 'span' | 'keyword' | 'text'> }[InstructionKind];

/** @throws SourceError for an instruction that does not exist, or whose arguments are not its own */
export function parseInstruction(raw: RawInstruction, context: ParseContext): Instruction {
  const kind = raw.keyword.text.toLowerCase() as InstructionKind;
  if (!INSTRUCTION_KINDS.includes(kind)) throw unknownInstruction(raw, context);
  const rest = trimSpace(raw.line.text.slice(raw.argumentsAt));
  const common = {
    span: raw.span,
    keyword: raw.keyword,
    text: rest === '' ? kind.toUpperCase() : `${kind.toUpperCase()} ${rest}`,
  };
  return { ...common, ...parseBody(kind, raw, context) };
}

function parseBody(kind: InstructionKind, raw: RawInstruction, context: ParseContext): Body {
  switch (kind) {
    case 'from':
      return parseFrom(raw, context);
    case 'arg':
      return parseArg(raw, context);
    case 'env':
    case 'label':
      return parsePairs(kind, raw, context);
    case 'run':
      return parseRun(raw, context);
    case 'cmd':
    case 'entrypoint':
      return parseStart(kind, raw, context);
    case 'copy':
      return parseCopy(raw, context);
    case 'add':
      return parseAdd(raw, context);
    case 'workdir':
    case 'user':
    case 'stopsignal':
    case 'maintainer':
      return parseSingle(kind, raw, context);
    case 'expose':
      return parseExpose(raw, context);
    case 'volume':
      return parseVolume(raw, context);
    case 'shell':
      return parseShell(raw, context);
    case 'healthcheck':
      return parseHealthcheck(raw, context);
    case 'onbuild':
      return parseOnbuild(raw, context);
  }
}

const NO_TRIGGERS: ReadonlySet<string> = new Set(['onbuild', 'from', 'maintainer']);

function parseOnbuild(
  raw: RawInstruction,
  context: ParseContext,
): Omit<InstructionOf<'onbuild'>, 'span' | 'keyword' | 'text'> {
  const cursor = argumentsOf(raw, context);
  readFlags(cursor, 'onbuild', context);
  cursor.skipSpace();
  const triggerText = cursor.rest().text;
  const keyword = cursor.plainWord();
  if (keyword.text === '')
    throw context.error('DOCKERFILE_SYNTAX', 'ONBUILD needs an instruction', raw.keyword.span);
  if (NO_TRIGGERS.has(keyword.text.toLowerCase())) {
    throw context.error(
      'DOCKERFILE_SYNTAX',
      `${keyword.text.toUpperCase()} cannot be a trigger`,
      keyword.span,
    );
  }
  const span = { start: keyword.span.start, end: raw.span.end };
  const trigger = parseInstruction({ ...raw, keyword, argumentsAt: cursor.at, span }, context);
  const bodies = raw.heredocs.map((doc) => `\n${doc.body}${doc.name}`).join('');
  return { kind: 'onbuild', trigger, triggerText: `${triggerText}${bodies}` };
}

function unknownInstruction(raw: RawInstruction, context: ParseContext): Error {
  const { text, span } = raw.keyword;
  const names = INSTRUCTION_KINDS.map((kind) => kind.toUpperCase());
  const near = suggest(text.slice(0, 80), names);
  return context.error('DOCKERFILE_UNKNOWN_INSTRUCTION', `there is no instruction ${quoted(text)}`, span, {
    hint: near === undefined ? `the instructions are ${names.join(', ')}` : `did you mean ${near}?`,
  });
}
