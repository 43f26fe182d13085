import { describe, expect, test } from 'vitest';
import type { BuildEvent } from '../solve/index.ts';
import { end, ID, output, stage, start, utf8, WARNING } from './test-stage.ts';

/** What the plain renderer writes; 0.41 seconds lie between the start of a step and its output. */
function plain(...events: readonly BuildEvent[]): string {
  const { renderer, text, set } = stage('plain');
  for (const event of events) {
    set(event.type === 'step-start' ? 1000 : 1410);
    renderer.onEvent(event);
  }
  renderer.close();
  return text();
}

describe('plain', () => {
  test.for<readonly [string, readonly BuildEvent[], readonly string[]]>([
    ['a step', [start(1, 'RUN a'), end(1)], ['#1 [build 1/4] RUN a', '#1 DONE 1.2s']],
    ['a hit', [start(1, 'RUN a'), end(1, 'hit')], ['#1 [build 1/4] RUN a', '#1 CACHED']],
    ['a failure', [start(1, 'RUN a'), end(1, 'failed')], ['#1 [build 1/4] RUN a', '#1 ERROR after 1.2s']],
    ['an end by others', [start(1, 'RUN a'), end(1, 'cancelled')], ['#1 [build 1/4] RUN a', '#1 CANCELED']],
    ['a stage without a name', [start(1, 'RUN a', '0')], ['#1 [stage-0 1/4] RUN a']],
    [
      'output with its time',
      [start(1, 'RUN a'), output(1, 'x\ny\n'), end(1)],
      ['#1 [build 1/4] RUN a', '#1 0.41 x', '#1 0.41 y', '#1 DONE 1.2s'],
    ],
    [
      'lines in pieces',
      [start(1, 'RUN a'), output(1, 'ab'), output(1, 'c\nd'), end(1)],
      ['#1 [build 1/4] RUN a', '#1 0.41 abc', '#1 0.41 d', '#1 DONE 1.2s'],
    ],
    [
      'a character in pieces',
      [start(1, 'RUN a'), output(1, utf8('é').slice(0, 1)), output(1, Uint8Array.of(0xa9, 0x0a))],
      ['#1 [build 1/4] RUN a', '#1 0.41 é'],
    ],
    [
      'streams are not mixed within a line',
      [start(1, 'RUN a'), output(1, 'ab'), output(1, 'E\n', 'stderr'), output(1, 'c\n')],
      ['#1 [build 1/4] RUN a', '#1 0.41 E', '#1 0.41 abc'],
    ],
    [
      'colours and other sequences',
      [start(1, 'RUN a'), output(1, '\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u0008\n')],
      ['#1 [build 1/4] RUN a', '#1 0.41 red x\\u{8}'],
    ],
    [
      'a bar that redraws its line',
      [start(1, 'RUN a'), output(1, '10%\r50%\r100%\r\n')],
      ['#1 [build 1/4] RUN a', '#1 0.41 100%'],
    ],
    [
      'output that never ended its line',
      [start(1, 'RUN a'), output(1, 'abc')],
      ['#1 [build 1/4] RUN a', '#1 0.41 abc'],
    ],
    [
      'two steps at once',
      [start(1, 'RUN a'), start(2, 'RUN b'), output(1, 'x\n'), output(2, 'y\n'), end(2), end(1)],
      [
        '#1 [build 1/4] RUN a',
        '',
        '#2 [build 2/4] RUN b',
        '',
        '#1 [build 1/4] RUN a',
        '#1 0.41 x',
        '',
        '#2 [build 2/4] RUN b',
        '#2 0.41 y',
        '#2 DONE 1.2s',
        '',
        '#1 [build 1/4] RUN a',
        '#1 DONE 1.2s',
      ],
    ],
    [
      'a warning with its place',
      [WARNING],
      ['warning: bad\\u{1b} idea', ' --> Dockerfile:2:1', '2 | ADD b c', '  | ^^^', '  = hint: use COPY'],
    ],
    [
      'images, stages, outputs and tags',
      [
        { type: 'image', reference: 'a:1', from: 'local store', id: 'sha256:b' },
        { type: 'stage-skipped', stage: 'test' },
        { type: 'export-start', output: 'oci /a' },
        { type: 'export-end', output: 'oci /a', size: 12_345_678, ms: 61_000 },
        { type: 'tagged', reference: 'x:1', id: ID },
      ],
      [
        '#1 [image] a:1 from local store: sha256:b',
        '#1 DONE',
        'stage test is not needed',
        '#2 [export] oci /a',
        '#2 DONE 1m01s, 12.3MB',
        '',
        `#3 [tag] x:1: ${ID}`,
        '#3 DONE',
      ],
    ],
    ['phases', [{ type: 'phase', name: 'bootstrap', detail: 'I: a\n\u001b[2Jb' }], ['[bootstrap] I: a b']],
    [
      'a title from a hostile file',
      [start(1, 'RUN \u001b[31m\r\nx', 'b\u202e')],
      ['#1 [b\\u{202e} 1/4] RUN \\u{d} x'],
    ],
    ['output and end of a step that never began', [output(9, 'x\n'), end(9)], []],
  ])('%s', ([, events, want]) => {
    const text = plain(...events);
    expect(text).toBe(
      want
        .map(
          (line) => `${line}
`,
        )
        .join(''),
    );
  });

  test('a line without an end is printed in pieces', () => {
    const text = plain(start(1, 'RUN a'), output(1, 'x'.repeat(20_000)), output(1, 'y\n'));
    expect(text.split('\n').map((line) => line.length)).toEqual([20, 20_008, 9, 0]);
  });
});
