import { quoted } from '../errors/index.ts';
import { readFlags } from './flags.ts';
import { heredocOf } from './heredoc-marks.ts';
import { readJsonList } from './json-list.ts';
import { argumentsOf } from './parse-command.ts';
import { type ParseContext, type RawInstruction, warnComment } from './parse-context.ts';
import { type Cursor, transferWords } from './tokens.ts';
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
      ...(flags.bool('closure') ? { closure: true } : {}),
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
  const items = readJsonList(cursor, context, 'paths');
  const words = items ?? transferWords(cursor);
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
  const isHeredoc = (word: Word): boolean => items === undefined && isHeredocFile(word, context);
  if (isHeredoc(destination)) {
    throw context.error('DOCKERFILE_SYNTAX', 'a destination cannot be a here-document', destination.span);
  }
  if (items === undefined) words.forEach((word) => refuseOpenQuote(word, keyword, context));
  warnComment(words, keyword, context);
  const sources = words.slice(0, -1).filter((word) => !isHeredoc(word));
  return { sources, heredocs: raw.heredocs, destination };
}

/** Quotes do not keep white space together here: a word that opens one and does not close it was meant to. */
function refuseOpenQuote({ text, span }: Word, keyword: string, { error }: ParseContext): void {
  const quote = /^["']/.exec(text)?.[0];
  if (quote === undefined || text.indexOf(quote, 1) > 0) return;
  throw error('DOCKERFILE_SYNTAX', `${keyword} ends a path at white space, in quotes too`, span, {
    hint: `for names with spaces write the JSON form: ${keyword} ["a b", "/to/"]`,
  });
}

/** @throws SourceError for a here-document whose name cannot be that of a file */
function isHeredocFile({ text, span }: Word, { error }: ParseContext): boolean {
  const name = heredocOf(text)?.name;
  if (name === undefined) return false;
  if (name !== '.' && name !== '..' && !/[/\0]/.test(name)) return true;
  throw error('DOCKERFILE_SYNTAX', `${quoted(name)} cannot be the name of a file`, span, {
    hint: 'the name of a here-document is that of the file it becomes: write no path',
  });
}
