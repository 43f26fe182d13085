import { readFlags } from './flags.ts';
import { heredocMarks } from './heredoc.ts';
import { argumentsOf } from './parse-command.ts';
import type { ParseContext, RawInstruction } from './parse-context.ts';
import { type Cursor, jsonArray, quotedWords } from './tokens.ts';
import type { InstructionOf, Transfer, Word } from './types.ts';

type Body<K extends 'copy' | 'add'> = Omit<InstructionOf<K>, 'span' | 'keyword' | 'text'>;

export function parseCopy(raw: RawInstruction, context: ParseContext): Body<'copy'> {
  const cursor = argumentsOf(raw, context);
  const flags = readFlags(cursor, 'copy', context);
  const words = { from: flags.value('from'), chown: flags.value('chown'), chmod: flags.value('chmod') };
  return {
    kind: 'copy',
    flags: {
      ...present(words),
      link: flags.bool('link') ?? false,
      parents: flags.bool('parents') ?? false,
      exclude: flags.values('exclude'),
    },
    transfer: parseTransfer(cursor, raw, context),
  };
}

export function parseAdd(raw: RawInstruction, context: ParseContext): Body<'add'> {
  const cursor = argumentsOf(raw, context);
  const flags = readFlags(cursor, 'add', context);
  const words = {
    chown: flags.value('chown'),
    chmod: flags.value('chmod'),
    checksum: flags.value('checksum'),
  };
  const unpack = flags.bool('unpack');
  return {
    kind: 'add',
    flags: {
      ...present(words),
      link: flags.bool('link') ?? false,
      keepGitDir: flags.bool('keep-git-dir') ?? false,
      exclude: flags.values('exclude'),
      ...(unpack === undefined ? {} : { unpack }),
    },
    transfer: parseTransfer(cursor, raw, context),
  };
}

function present<T extends Readonly<Record<string, Word | undefined>>>(
  words: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(words).filter(([, word]) => word !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function parseTransfer(cursor: Cursor, raw: RawInstruction, context: ParseContext): Transfer {
  const words = transferWords(cursor);
  const destination = words.at(-1);
  const keyword = raw.keyword.text.toUpperCase();
  if (destination === undefined || words.length < 2) {
    throw context.error(
      'DOCKERFILE_SYNTAX',
      `${keyword} needs a source and a destination`,
      raw.keyword.span,
      {
        hint: `${keyword} SOURCE… DESTINATION`,
      },
    );
  }
  const isHeredoc = (word: Word): boolean => heredocMarks(word.text, context.escape).length > 0;
  if (isHeredoc(destination)) {
    throw context.error('DOCKERFILE_SYNTAX', 'a destination cannot be a here-document', destination.span);
  }
  const comment = words.find((word) => word.text.startsWith('#'));
  if (comment !== undefined) {
    const hint = 'a comment needs a line of its own';
    context.warn({
      message: `${keyword} takes ${comment.text} for the name of a file`,
      span: comment.span,
      hint,
    });
  }
  const sources = words.slice(0, -1).filter((word) => !isHeredoc(word));
  return { sources, heredocs: raw.heredocs, destination };
}

/** In JSON form the items are words that need no more quoting. */
function transferWords(cursor: Cursor): Word[] {
  const { text, span } = cursor.rest();
  const items = jsonArray(text);
  return items === undefined ? quotedWords(cursor) : items.map((item) => ({ text: item, span }));
}
