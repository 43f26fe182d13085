import type { BuildEvent, StepInfo } from '../solve/index.ts';
import { createRenderer, type ProgressMode, type Renderer } from './index.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const step = (id: number, title: string, stage = 'build'): StepInfo => ({
  id,
  stage,
  position: id,
  of: 4,
  title,
});
export const start = (id: number, title: string, stage?: string): BuildEvent => ({
  type: 'step-start',
  step: step(id, title, stage),
});
export const output = (
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
export const end = (id: number, result: Result = 'done', ms = 1200): BuildEvent => ({
  type: 'step-end',
  id,
  result,
  ms,
});
export const ID = `sha256:${'a'.repeat(64)}` as Extract<BuildEvent, { type: 'tagged' }>['id'];
export const WARNING: BuildEvent = {
  type: 'warning',
  message: 'bad\u001b idea',
  at: { source: { name: 'Dockerfile', text: 'FROM a\nADD b c\n' }, span: { start: 7, end: 10 } },
  hint: 'use COPY',
};

export type Stage = {
  readonly renderer: Renderer;
  readonly text: () => string;
  /** What was written since the last look. */
  readonly fresh: () => string;
  readonly set: (now: number, columns?: number) => void;
  readonly tick: () => void;
};

type StageOptions = { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

export function stage(
  mode: ProgressMode,
  { isTTY = false, columns = 40, rows = 24 }: StageOptions = {},
): Stage {
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
