/** `<<NAME`, `<<-NAME`, `<<"NAME"`, with an optional file descriptor in front. */
export type HeredocMark = {
  readonly name: string;
  readonly fd: number;
  readonly chomp: boolean;
  readonly expand: boolean;
  /** Where it stands in the text it was found in. */
  readonly start: number;
  readonly end: number;
};

const OPENING = /(\d{0,9})<<(-?)([ \t]*)(?!<)/y;

/**
 * The here-document marks of a shell's command line, in order: those outside of quotes and of `((…))`, where `<<`
 * shifts. A name ends where the shell ends a word, so that `<<EOF;` waits for `EOF`.
 * Source: Dockerfile reference, "Here-Documents"; POSIX shell 2.7.4.
 */
export function heredocMarks(text: string): HeredocMark[] {
  const marks: HeredocMark[] = [];
  let arithmetic = true;
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? '';
    if (char === '\\') at += 2;
    else if (char === '"' || char === "'") at = quoteEnd(text, at) ?? text.length;
    else if (arithmetic && text.startsWith('((', at)) {
      const close = text.indexOf('))', at);
      arithmetic = close >= 0;
      at = arithmetic ? close + 2 : at + 2;
    } else if (text.startsWith('<<<', at)) at += 3;
    else if (char === '<' || (isDigit(char) && startsWord(text, at))) {
      const mark = markAt(text, at, SHELL_WORD);
      if (mark !== undefined) marks.push(mark);
      at = mark?.end ?? at + 1;
    } else at += 1;
  }
  return marks;
}

/** A word of COPY or ADD that is nothing but a mark. Unlike in a shell, its name may hold any character. */
export function heredocOf(word: string): HeredocMark | undefined {
  const mark = markAt(word, 0, /[^\s<]/);
  return mark?.end === word.length ? mark : undefined;
}

const SHELL_WORD = /[^\s;|&()<>]/;
const isDigit = (char: string): boolean => char >= '0' && char <= '9';
/** Digits belong to a mark only at the start of a word. */
const startsWord = (text: string, at: number): boolean => at === 0 || !SHELL_WORD.test(text[at - 1] ?? ' ');

function markAt(text: string, start: number, inName: RegExp): HeredocMark | undefined {
  OPENING.lastIndex = start;
  const opening = OPENING.exec(text);
  if (opening === null) return undefined;
  const [all, fd = '', dash] = opening;
  const word = readName(text, start + all.length, inName);
  if (word === undefined || word.name === '') return undefined;
  return {
    name: word.name,
    fd: Number(fd),
    chomp: dash === '-',
    expand: !word.quoted,
    start,
    end: word.end,
  };
}

/** The name without its quotes; `undefined` where a quote stays open. */
function readName(
  text: string,
  from: number,
  inName: RegExp,
): { readonly name: string; readonly quoted: boolean; readonly end: number } | undefined {
  let [name, quoted, at] = ['', false, from];
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '"' || char === "'") {
      const end = quoteEnd(text, at);
      if (end === undefined) return undefined;
      name += text.slice(at + 1, end - 1);
      quoted = true;
      at = end;
    } else if (char === '\\' && at + 1 < text.length) {
      name += text[at + 1] ?? '';
      at += 2;
    } else if (inName.test(char)) {
      name += char;
      at += 1;
    } else break;
  }
  return { name, quoted, end: at };
}

/** Behind the quote that closes the one at `at`. */
function quoteEnd(text: string, at: number): number | undefined {
  const quote = text[at] ?? '';
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === quote) return i + 1;
    if (text[i] === '\\' && quote === '"') i += 1;
  }
  return undefined;
}
