import { describe, expect, test } from 'vitest';
import { frameLines, positionOf, SourceError, SourceErrors, type SourceRange } from './source-error.ts';

/** A place in `text`: the first occurrence of `word`. */
function at(text: string, word: string, name = 'Dockerfile'): SourceRange {
  const start = text.indexOf(word);
  return { source: { name, text }, span: { start, end: start + word.length } };
}

describe('frameLines', () => {
  test.for([
    {
      name: 'a word in the second line',
      where: at('FROM a\nCOPY --form=b /o /b\n', '--form=b'),
      want: [' --> Dockerfile:2:6', '2 | COPY --form=b /o /b', '  |      ^^^^^^^^'],
    },
    {
      name: 'tabs are kept so that carets line up',
      where: at('RUN\tx\ty', 'y'),
      want: [' --> Dockerfile:1:7', '1 | RUN\tx\ty', '  |    \t \t^'],
    },
    {
      name: 'CRLF is no part of the line',
      where: at('FROM a\r\nBAD x\r\nRUN y\r\n', 'BAD'),
      want: [' --> Dockerfile:2:1', '2 | BAD x', '  | ^^^'],
    },
    {
      name: 'a span over several lines is underlined on its first',
      where: at('RUN a \\\n  b\nCMD c', 'a \\\n  b'),
      want: [' --> Dockerfile:1:5', '1 | RUN a \\', '  |     ^^^'],
    },
    {
      name: 'an empty span at the end still has a caret',
      where: { source: { name: 'Dockerfile', text: 'FROM' }, span: { start: 4, end: 4 } },
      want: [' --> Dockerfile:1:5', '1 | FROM', '  |     ^'],
    },
    {
      name: 'the gutter grows with the line number',
      where: at(`${'#\n'.repeat(99)}BAD`, 'BAD'),
      want: ['   --> Dockerfile:100:1', '100 | BAD', '    | ^^^'],
    },
    {
      name: 'control characters in the line, and carets below what is printed',
      where: at('RUN \u001b[31m x', 'x'),
      want: [' --> Dockerfile:1:11', '1 | RUN \\u{1b}[31m x', `  | ${' '.repeat(15)}^`],
    },
    {
      name: 'control characters in the name',
      where: at('x', 'x', 'a\u0007b'),
      want: [' --> a\\u{7}b:1:1', '1 | x', '  | ^'],
    },
    {
      name: 'an empty file',
      where: { source: { name: 'Dockerfile', text: '' }, span: { start: 0, end: 0 } },
      want: [' --> Dockerfile:1:1', '1 | ', '  | ^'],
    },
  ])('$name', ({ where, want }) => {
    expect(frameLines(where)).toEqual(want);
  });
});

describe('positionOf', () => {
  test.for([
    ['the first character', 'abc\ndef', 'a', 1, 1],
    ['after a newline', 'abc\ndef', 'd', 2, 1],
    ['inside of a line', 'abc\ndef', 'f', 2, 3],
  ] as const)('%s', ([, text, word, line, column]) => {
    expect(positionOf(at(text, word))).toEqual({ line, column });
  });
});

describe('SourceError.render', () => {
  test('message, frame, notes, hint', () => {
    const where = at('FROM a\nCOPY --form=b /o /b\n', '--form=b');
    const error = new SourceError('DOCKERFILE_UNKNOWN_FLAG', 'COPY has no flag --form', where, {
      hint: 'did you mean --from?',
      notes: ['a note\u0000'],
    });
    expect(error.render()).toBe(
      [
        'error[DOCKERFILE_UNKNOWN_FLAG]: COPY has no flag --form',
        ' --> Dockerfile:2:6',
        '2 | COPY --form=b /o /b',
        '  |      ^^^^^^^^',
        '  a note\\u{0}',
        '  = hint: did you mean --from?',
      ].join('\n'),
    );
    expect(error.name).toBe('SourceError');
    expect(error.at).toBe(where);
  });
});

describe('SourceErrors.render', () => {
  test('all of them, an empty line between', () => {
    const first = new SourceError('DOCKERFILE_UNKNOWN_FLAG', 'one', at('a b', 'a'));
    const second = new SourceError('DOCKERFILE_SYNTAX', 'two', at('a b', 'b'));
    const both = new SourceErrors([first, second]);
    expect(both.render()).toBe(`${first.render()}\n\n${second.render()}`);
    expect(both.code).toBe('DOCKERFILE_UNKNOWN_FLAG');
    expect(both.message).toBe('2 errors');
  });
});
