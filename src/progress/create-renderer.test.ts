import { describe, expect, test } from 'vitest';
import type { BuildEvent, StepInfo } from '../solve/index.ts';
import { createRenderer, type ProgressMode, type Renderer } from './index.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const step = (id: number, title: string, stage = 'build'): StepInfo => ({
  id,
  stage,
  position: id,
  of: 4,
  title,
});
const start = (id: number, title: string, stage?: string): BuildEvent => ({
  type: 'step-start',
  step: step(id, title, stage),
});
const output = (
  id: number,
  data: string | Uint8Array,
  stream: 'stdout' | 'stderr' = 'stdout',
): BuildEvent => ({
  type: 'step-output',
  id,
  stream,
  data: typeof data === 'string' ? utf8(data) : data,
});
type Result = Extract<BuildEvent, { type: 'step-end' }>['result'];
const end = (id: number, result: Result = 'done', ms = 1200): BuildEvent => ({
  type: 'step-end',
  id,
  result,
  ms,
});
const ID = `sha256:${'a'.repeat(64)}` as Extract<BuildEvent, { type: 'tagged' }>['id'];
const WARNING: BuildEvent = {
  type: 'warning',
  message: 'bad\u001b idea',
  at: { source: { name: 'Dockerfile', text: 'FROM a\nADD b c\n' }, span: { start: 7, end: 10 } },
  hint: 'use COPY',
};

type Stage = {
  readonly renderer: Renderer;
  readonly text: () => string;
  /** What was written since the last look. */
  readonly fresh: () => string;
  readonly set: (now: number, columns?: number) => void;
  readonly tick: () => void;
};

function stage(mode: ProgressMode, { isTTY = false, columns = 40, rows = 24 } = {}): Stage {
  let [written, seen, now, width] = ['', 0, 1000, columns];
  let work: (() => void) | undefined;
  const renderer = createRenderer(mode, {
    write: (text) => {
      written += text;
    },
    columns: () => width,
    rows: () => rows,
    isTTY,
    now: () => now,
    every: (_, callback) => {
      work = callback;
      return () => {
        work = undefined;
      };
    },
  });
  return {
    renderer,
    text: () => written,
    fresh: () => {
      const text = written.slice(seen);
      seen = written.length;
      return text;
    },
    set: (time, columns = width) => {
      [now, width] = [time, columns];
    },
    tick: () => work?.(),
  };
}

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

describe('tty', () => {
  const up = (rows: number): string => `\u001b[${rows}A\r\u001b[J`;

  test('a running step, its output, and the line that stays', () => {
    const { renderer, fresh, set, tick } = stage('tty', { isTTY: true });
    expect(fresh()).toBe('\u001b[?25l');
    renderer.onEvent(start(1, 'RUN shards install'));
    set(2000);
    tick();
    const header = '[+] Building (0 done, 1 running)   1.0s\n';
    expect(fresh()).toBe(`${header}=> [build 1/4] RUN shards install  1.0s\n`);
    renderer.onEvent(output(1, 'Fetching\nInstal'));
    tick();
    expect(fresh()).toBe(`${up(2)}${header}=> [build 1/4] RUN shards install  1.0s\n   # Fetching\n`);
    renderer.onEvent(end(1));
    expect(fresh()).toBe(
      `${up(3)}=> [build 1/4] RUN shards install  1.2s\n[+] Building (1 done, 0 running)   1.0s\n`,
    );
    renderer.close();
    expect(fresh()).toBe(`${up(1)}\u001b[?25h`);
    renderer.close();
    renderer.onEvent(start(2, 'x'));
    expect(fresh()).toBe('');
  });

  test('nothing is drawn when nothing changes', () => {
    const { renderer, fresh, tick } = stage('tty', { isTTY: true });
    renderer.onEvent(start(1, 'RUN a'));
    tick();
    fresh();
    tick();
    expect(fresh()).toBe('');
  });

  test.for([
    ['hit', '=> CACHED [build 1/4] RUN a'],
    ['failed', '=> ERROR [build 1/4] RUN a         1.2s'],
    ['cancelled', '=> CANCELED [build 1/4] RUN a      1.2s'],
  ] as const)('the line of a step that ended as %s', ([result, want]) => {
    const { renderer, text } = stage('tty', { isTTY: true });
    renderer.onEvent(start(1, 'RUN a'));
    renderer.onEvent(end(1, result));
    expect(text()).toContain(`${want}\n`);
  });

  test.for([1, 2, 5, 10, 20, 30])('no line is wider than a terminal of %d columns', (columns) => {
    const { renderer, text, tick } = stage('tty', { isTTY: true, columns });
    renderer.onEvent(start(1, `RUN 日本語 ${'x'.repeat(99)}`));
    renderer.onEvent(output(1, `${'y'.repeat(99)}\n`));
    tick();
    renderer.onEvent(end(1));
    renderer.close();
    for (const line of text().split('\n').slice(0, -1)) {
      const visible = line.replaceAll(/\u001b\[[?\d]*[A-Za-z]|\r/g, '');
      expect(visible.length).toBeLessThanOrEqual(Math.max(1, columns - 1));
    }
  });

  test('a terminal that became narrower has wrapped the lines that are replaced', () => {
    const { renderer, fresh, set, tick } = stage('tty', { isTTY: true });
    renderer.onEvent(start(1, 'RUN a'));
    tick();
    fresh();
    set(3000, 20);
    tick();
    expect(fresh().startsWith(up(4))).toBe(true);
  });

  test('many steps do not fill more than the terminal', () => {
    const { renderer, fresh, tick } = stage('tty', { isTTY: true, rows: 6 });
    fresh();
    for (let id = 1; id <= 20; id++) {
      renderer.onEvent(start(id, 'RUN a'));
      renderer.onEvent(output(id, 'x\ny\nz\n'));
    }
    tick();
    expect(fresh().split('\n').length - 1).toBe(5);
  });

  test('a warning scrolls away whole', () => {
    const { renderer, text } = stage('tty', { isTTY: true, columns: 10 });
    renderer.onEvent(WARNING);
    expect(text()).toContain('warning: bad\\u{1b} idea\n --> Dockerfile:2:1\n');
  });
});

describe('modes', () => {
  test.for([
    ['auto', true, true],
    ['auto', false, false],
    ['tty', true, true],
    ['tty', false, false],
    ['plain', true, false],
  ] as const)('%s, terminal %s: live %s', ([mode, isTTY, live]) => {
    const { renderer, text } = stage(mode, { isTTY });
    renderer.onEvent(start(1, 'RUN a'));
    renderer.close();
    expect(text().includes('\u001b[?25l')).toBe(live);
    expect(text().includes('#1 ')).toBe(!live);
  });

  test('quiet draws nothing', () => {
    const { renderer, text } = stage('quiet', { isTTY: true });
    renderer.onEvent(WARNING);
    renderer.close();
    expect(text()).toBe('');
  });

  test('rawjson has an object a line', () => {
    const { renderer, text } = stage('rawjson');
    for (const event of [
      start(1, 'RUN \u009b'),
      output(1, utf8('é').slice(0, 1)),
      output(1, Uint8Array.of(0xa9, 0x1b)),
      end(1),
      WARNING,
    ]) {
      renderer.onEvent(event);
    }
    renderer.close();
    expect(text()).toBe(
      [
        '{"type":"step-start","step":{"id":1,"stage":"build","position":1,"of":4,"title":"RUN \\u009b"}}',
        '{"type":"step-output","id":1,"stream":"stdout","data":""}',
        '{"type":"step-output","id":1,"stream":"stdout","data":"é\\u001b"}',
        '{"type":"step-end","id":1,"result":"done","ms":1200}',
        '{"type":"warning","message":"bad\\u001b idea","at":{"name":"Dockerfile","line":2,"column":1,"start":7,"end":10},"hint":"use COPY"}',
        '',
      ].join('\n'),
    );
  });
});
