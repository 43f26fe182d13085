import { describe, expect, test } from 'vitest';
import { end, output, stage, start, WARNING } from './test-stage.ts';

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
