import { quoted } from '../errors/index.ts';
import { readFlags } from './flags.ts';
import { readJsonList } from './json-list.ts';
import { argumentsOf } from './parse-command.ts';
import { COMMENT_HINT, type ParseContext, type RawInstruction, warnComment } from './parse-context.ts';
import { type Cursor, type PairWord, pairWords, plainWords } from './tokens.ts';
import type { InstructionKind, InstructionOf, KeyValue, Word } from './types.ts';

type Body<K extends InstructionKind> = Omit<InstructionOf<K>, 'span' | 'keyword' | 'text'>;

function start(kind: InstructionKind, raw: RawInstruction, context: ParseContext): Cursor {
  const cursor = argumentsOf(raw, context);
  readFlags(cursor, kind, context);
  cursor.skipSpace();
  if (!cursor.done) return cursor;
  throw context.error('DOCKERFILE_SYNTAX', `${kind.toUpperCase()} needs an argument`, raw.keyword.span);
}

/** `KEY=value …`, or the old form `KEY value with spaces`. */
export function parsePairs<K extends 'env' | 'label'>(
  kind: K,
  raw: RawInstruction,
  context: ParseContext,
): { readonly kind: K; readonly pairs: readonly KeyValue[] } {
  const cursor = start(kind, raw, context);
  const begin = cursor.at;
  if (!cursor.quotedWord().text.includes('=')) {
    cursor.at = begin;
    return { kind, pairs: [oldPair(kind, cursor, context)] };
  }
  cursor.at = begin;
  return { kind, pairs: pairWords(cursor).map((pair) => checkPair(kind, pair, context)) };
}

/** The name ends at white space, quoted or not; all that follows is the value. */
function oldPair(kind: string, cursor: Cursor, context: ParseContext): KeyValue {
  const name = cursor.plainWord();
  cursor.skipSpace();
  const value = cursor.rest();
  if (value.text === '') {
    const what = `${kind.toUpperCase()} ${name.text.slice(0, 80)}`;
    const hint = `write ${what}=VALUE`;
    throw context.error('DOCKERFILE_SYNTAX', `${what} needs a value`, name.span, { hint });
  }
  warnComment(plainWords(cursor), kind.toUpperCase(), context);
  return { name, value };
}

function checkPair(kind: string, { word, name, value }: PairWord, context: ParseContext): KeyValue {
  if (value !== undefined && name.text !== '') return { name, value };
  const keyword = kind.toUpperCase();
  const message = `${keyword} takes NAME=VALUE, not ${quoted(word.text)}`;
  let hint = 'put quotes around a value with spaces';
  if (word.text.startsWith('#')) hint = COMMENT_HINT;
  else if (name.text === '') hint = 'write a name in front of the =';
  throw context.error('DOCKERFILE_SYNTAX', message, word.span, { hint });
}

const ARG_NAME = /^[^\s"'$=]+$/;

export function parseArg(raw: RawInstruction, context: ParseContext): Body<'arg'> {
  const pairs = pairWords(start('arg', raw, context));
  const comment = pairs.findIndex(({ word }) => word.text.startsWith('#'));
  warnComment(
    pairs.map(({ word }) => word),
    'ARG',
    context,
  );
  const args = pairs.map(({ word, name, value }, i) => {
    // A comment's words are declared like others: Docker does so too, and it does no harm
    if (ARG_NAME.test(name.text) || (comment >= 0 && i >= comment && name.text !== ''))
      return value === undefined ? { name } : { name, value };
    throw context.error('DOCKERFILE_SYNTAX', `ARG cannot declare ${quoted(name.text)}`, word.span, {
      hint: 'expected NAME or NAME=DEFAULT',
    });
  });
  return { kind: 'arg', args };
}

/** Instructions with exactly one argument, which may hold spaces where Docker allows it. */
export function parseSingle(
  kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer',
  raw: RawInstruction,
  context: ParseContext,
): Body<'workdir'> | Body<'user'> | Body<'stopsignal'> | Body<'maintainer'> {
  const cursor = start(kind, raw, context);
  const word = cursor.rest();
  switch (kind) {
    case 'workdir':
      warnComment(plainWords(cursor), 'WORKDIR', context);
      return { kind, path: word };
    case 'user':
      return { kind, user: oneWord(kind, word, context) };
    case 'stopsignal':
      return { kind, signal: oneWord(kind, word, context) };
    case 'maintainer':
      return { kind, name: word };
  }
}

function oneWord(kind: string, word: Word, context: ParseContext): Word {
  const space = /[ \t]/.test(word.text);
  const comment = /\s#/.test(word.text);
  if (!space || (!comment && /["'${]/.test(word.text))) return word;
  throw context.error('DOCKERFILE_SYNTAX', `${kind.toUpperCase()} takes one argument`, word.span, {
    hint: comment ? COMMENT_HINT : 'put quotes around a value with spaces',
  });
}

export function parseExpose(raw: RawInstruction, context: ParseContext): Body<'expose'> {
  const ports = plainWords(start('expose', raw, context));
  const comment = ports.find((word) => word.text.startsWith('#'));
  if (comment === undefined) return { kind: 'expose', ports };
  const span = { start: comment.span.start, end: ports.at(-1)?.span.end ?? comment.span.end };
  throw context.error('DOCKERFILE_SYNTAX', 'EXPOSE takes ports, and a comment is none', span, {
    hint: `${COMMENT_HINT}: put it above the instruction`,
  });
}

export function parseVolume(raw: RawInstruction, context: ParseContext): Body<'volume'> {
  const cursor = start('volume', raw, context);
  const { span } = cursor.rest();
  const paths = readJsonList(cursor, context, 'paths') ?? plainWords(cursor);
  if (paths.length === 0 || paths.some((path) => path.text.trim() === ''))
    throw context.error('DOCKERFILE_SYNTAX', 'VOLUME needs paths, and an empty one is none', span);
  warnComment(paths, 'VOLUME', context);
  return { kind: 'volume', paths };
}

const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;

export function parseFrom(raw: RawInstruction, context: ParseContext): Body<'from'> {
  const cursor = argumentsOf(raw, context);
  const platform = readFlags(cursor, 'from', context).value('platform');
  const [image, as, name, extra] = plainWords(cursor);
  if (image === undefined)
    throw context.error('DOCKERFILE_SYNTAX', 'FROM needs an image or a stage', raw.keyword.span);
  const base = { kind: 'from' as const, image, ...(platform && { platform }) };
  if (as === undefined) return base;
  if (!/^as$/i.test(as.text) || name === undefined || extra !== undefined) {
    const wrong =
      /^as$/i.test(as.text) && name === undefined ? as : /^as$/i.test(as.text) && extra ? extra : as;
    throw context.error('DOCKERFILE_SYNTAX', 'FROM takes IMAGE, or IMAGE AS NAME', wrong.span, {
      hint: wrong.text.startsWith('#') ? COMMENT_HINT : 'such as FROM debian AS build',
    });
  }
  if (STAGE_NAME.test(name.text.toLowerCase())) return { ...base, name };
  throw context.error('DOCKERFILE_STAGE', `a stage cannot be called ${quoted(name.text)}`, name.span, {
    hint: 'expected a letter, then letters, digits, -, _ or .',
  });
}
