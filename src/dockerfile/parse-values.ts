import { readFlags } from './flags.ts';
import { argumentsOf } from './parse-command.ts';
import type { ParseContext, RawInstruction } from './parse-context.ts';
import { type Cursor, jsonArray, plainWords, quotedWords } from './tokens.ts';
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
  const first = cursor.quotedWord();
  if (!first.text.includes('=')) return { kind, pairs: [oldPair(kind, cursor, first, context)] };
  cursor.at = begin;
  return { kind, pairs: quotedWords(cursor).map((word) => pairOf(kind, word, context)) };
}

function oldPair(kind: string, cursor: Cursor, name: Word, context: ParseContext): KeyValue {
  cursor.skipSpace();
  const value = cursor.rest();
  if (value.text !== '') return { name, value };
  throw context.error('DOCKERFILE_SYNTAX', `${kind.toUpperCase()} ${name.text} needs a value`, name.span, {
    hint: `write ${kind.toUpperCase()} ${name.text}=VALUE`,
  });
}

function pairOf(kind: string, word: Word, context: ParseContext): KeyValue {
  const { name, value } = splitWord(word);
  if (value !== undefined && name.text !== '') return { name, value };
  const keyword = kind.toUpperCase();
  const isComment = word.text.startsWith('#');
  throw context.error(
    'DOCKERFILE_SYNTAX',
    `${keyword} takes NAME=VALUE, not ${JSON.stringify(word.text)}`,
    word.span,
    {
      hint: isComment ? 'a comment needs a line of its own' : 'put quotes around a value with spaces',
    },
  );
}

/** At the first `=`. Positions inside of a word are only right where it stands on one line, which is nearly always. */
function splitWord(word: Word): { readonly name: Word; readonly value: Word | undefined } {
  const equals = word.text.indexOf('=');
  if (equals < 0) return { name: word, value: undefined };
  const middle = Math.min(word.span.start + equals, word.span.end);
  return {
    name: { text: word.text.slice(0, equals), span: { start: word.span.start, end: middle } },
    value: {
      text: word.text.slice(equals + 1),
      span: { start: Math.min(middle + 1, word.span.end), end: word.span.end },
    },
  };
}

export function parseArg(raw: RawInstruction, context: ParseContext): Body<'arg'> {
  const words = quotedWords(start('arg', raw, context));
  const args = words.map((word) => {
    const { name, value } = splitWord(word);
    if (/^["']?[A-Za-z_$][\w${}.-]*["']?$/.test(name.text))
      return value === undefined ? { name } : { name, value };
    throw context.error('DOCKERFILE_SYNTAX', `ARG cannot declare ${JSON.stringify(name.text)}`, word.span, {
      hint: word.text.startsWith('#') ? 'a comment needs a line of its own' : 'expected NAME or NAME=DEFAULT',
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
  const comment = /\s#/.exec(word.text);
  if (comment !== null && kind !== 'maintainer') {
    const at = { start: word.span.start + comment.index + 1, end: word.span.end };
    const hint = 'a comment needs a line of its own';
    context.warn({
      message: `${kind.toUpperCase()} takes the comment for a part of its argument`,
      span: at,
      hint,
    });
  }
  switch (kind) {
    case 'workdir':
      return { kind, path: word };
    case 'user':
      return { kind, user: oneWord(kind, word, context) };
    case 'stopsignal':
      return { kind, signal: oneWord(kind, word, context) };
    case 'maintainer':
      context.warn({
        message: 'MAINTAINER is deprecated',
        span: raw.keyword.span,
        hint: 'write LABEL org.opencontainers.image.authors="…"',
      });
      return { kind, name: word };
  }
}

function oneWord(kind: string, word: Word, context: ParseContext): Word {
  if (!/[ \t]/.test(word.text) || /["'${]/.test(word.text)) return word;
  throw context.error('DOCKERFILE_SYNTAX', `${kind.toUpperCase()} takes one argument`, word.span, {
    hint: 'a comment needs a line of its own',
  });
}

export function parseExpose(raw: RawInstruction, context: ParseContext): Body<'expose'> {
  const ports = plainWords(start('expose', raw, context));
  const comment = ports.find((word) => word.text.startsWith('#'));
  if (comment === undefined) return { kind: 'expose', ports };
  const span = { start: comment.span.start, end: ports.at(-1)?.span.end ?? comment.span.end };
  throw context.error('DOCKERFILE_SYNTAX', 'EXPOSE takes ports, and a comment is none', span, {
    hint: 'a comment needs a line of its own: put it above the instruction',
  });
}

export function parseVolume(raw: RawInstruction, context: ParseContext): Body<'volume'> {
  const cursor = start('volume', raw, context);
  const { text, span } = cursor.rest();
  const items = jsonArray(text);
  if (items === undefined && /^\[\s*["']/.test(text)) {
    const hint = 'close the list with ], use double quotes, and commas between the items';
    context.warn({ message: `this looks like a list but is not valid JSON: ${text}`, span, hint });
  }
  return { kind: 'volume', paths: items?.map((item) => ({ text: item, span })) ?? plainWords(cursor) };
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
      hint: wrong.text.startsWith('#') ? 'a comment needs a line of its own' : 'such as FROM debian AS build',
    });
  }
  if (STAGE_NAME.test(name.text.toLowerCase())) return { ...base, name };
  throw context.error(
    'DOCKERFILE_STAGE',
    `a stage cannot be called ${JSON.stringify(name.text)}`,
    name.span,
    {
      hint: 'expected a letter, then letters, digits, -, _ or .',
    },
  );
}
