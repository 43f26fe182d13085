import { describe, expect, test } from 'vitest';
import { end, output, stage, start, utf8, WARNING } from './test-stage.ts';

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
