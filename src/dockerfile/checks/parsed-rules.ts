import type { Span } from '../../errors/index.ts';
import type { Dockerfile, ParseWarning } from '../types.ts';
import { allInstructions, type Edit, type Finding, ruleUrl, type TextRule } from './rule.ts';

/** What the parser has noticed under the name of a rule. */
function noticed(rule: ParseWarning['rule'], fix?: (file: Dockerfile, span: Span) => readonly Edit[]) {
  return (file: Dockerfile): Finding[] =>
    file.warnings.flatMap((warning) => {
      if (warning.rule !== rule) return [];
      const { message, span, hint } = warning;
      const within = [...file.globals, ...allInstructions(file)].find(
        (one) => one.span.start <= span.start && span.end <= one.span.end,
      );
      return { message, span, within: within?.span ?? span, hint, fix: fix?.(file, span) };
    });
}

export const noEmptyContinuation: TextRule = {
  name: 'NoEmptyContinuation',
  summary: 'Empty continuation lines will become errors in a future release',
  url: ruleUrl('no-empty-continuation'),
  why: 'Behind a line that is continued, an empty line does not end the instruction, though it looks so: the next instruction becomes part of it. Remove the empty line, or the backslash before it.',
  check: noticed('NoEmptyContinuation', ({ source }, { start }) => {
    const empty = /^(?:[^\S\n]*\n)+/.exec(source.text.slice(start));
    return empty === null ? [] : [{ span: { start, end: start + empty[0].length }, text: '' }];
  }),
};

export const commentAsArgument: TextRule = {
  name: 'CommentAsArgument',
  summary: 'A comment behind the arguments of an instruction is taken for an argument',
  own: true,
  why: 'A `#` begins a comment only at the start of a line. Behind an instruction it is an argument like any other: `ENV A 1 # one` sets the value `1 # one`. Give the comment a line of its own.',
  check: noticed('CommentAsArgument'),
};

export const malformedJsonForm: TextRule = {
  name: 'MalformedJsonForm',
  summary: 'A list in JSON form that is not valid JSON is taken as plain text',
  own: true,
  why: '`CMD [\'a\', \'b\']` and `CMD ["a", "b"` are no JSON, so they become a line for the shell, which finds no program called `[a,`. Put double quotes around every item, commas between them, and nothing behind the `]`.',
  check: noticed('MalformedJsonForm'),
};
