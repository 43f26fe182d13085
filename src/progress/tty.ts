import type { BuildEvent, StepInfo } from '../solve/index.ts';
import {
  emulatedLine,
  emulationLines,
  imageLine,
  noteLine,
  phaseLine,
  stepTitle,
  taggedLine,
  transferTitle,
  warningLines,
} from './describe.ts';
import { StepLines } from './step-lines.ts';
import { cleanLine, cut, formatElapsed, formatSize, textWidth } from './text.ts';
import type { Renderer, Screen } from './types.ts';

const FRAME_MS = 100;
const TAIL = 6;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_BELOW = '\u001b[J';

type Task = {
  readonly title: string;
  readonly began: number;
  readonly lines: StepLines;
  tail: string[];
  /** Bytes to move, where that is known, and how many have moved. */
  readonly size: number | undefined;
  done?: number;
  /** Said of it when it has ended. */
  note?: string;
};

/**
 * A live view: finished steps scroll away as one line each; below them the running ones with their time and last
 * lines of output, drawn anew ten times a second.
 */
export class TtyRenderer implements Renderer {
  readonly #screen: Screen;
  readonly #began: number;
  readonly #stop: () => void;
  readonly #tasks = new Map<number | string, Task>();
  #phase: string | undefined;
  #finished = 0;
  /** The lines of the live region as they stand on the screen. */
  #frame: readonly string[] = [];
  #closed = false;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#began = screen.now();
    screen.write(HIDE_CURSOR);
    this.#stop = (screen.every ?? timer)(FRAME_MS, () => this.#draw([]));
  }

  readonly onEvent = (event: BuildEvent): void => {
    if (this.#closed) return;
    switch (event.type) {
      case 'phase':
        this.#phase = phaseLine(event);
        return;
      case 'image':
        return this.#draw([`=> ${imageLine(event)}`]);
      case 'stage-skipped':
        return this.#draw([`=> stage ${cleanLine(event.stage)} is not needed`]);
      case 'step-start':
        return this.#start(event.step.id, titleOf(event.step));
      case 'step-emulated':
        return this.#say(event.id, emulatedLine(event));
      case 'emulation':
        return this.#draw(
          emulationLines(event).map((line, i) => (i === 0 ? `=> ${line}` : line)),
          { whole: true },
        );
      case 'step-output':
        return this.#output(event.id, event.stream, event.data);
      case 'step-end':
        return this.#end(event.id, event);
      case 'transfer-start':
        return this.#start(transferKey(event), transferTitle(event), event.size);
      case 'transfer-progress':
        return this.#progress(transferKey(event), event.bytes);
      case 'transfer-end':
        return this.#end(transferKey(event), event);
      case 'waiting':
      case 'quota':
      case 'notice':
      case 'base-fetched':
      case 'pushed':
        return this.#draw([`=> ${noteLine(event)}`]);
      case 'export-start':
        return this.#start(event.output, `[export] ${cleanLine(event.output)}`);
      case 'export-end':
        return this.#end(event.output, { result: 'done', ms: event.ms, note: formatSize(event.size) });
      case 'tagged':
        return this.#draw([`=> ${taggedLine(event)}`]);
      case 'warning':
        return this.#draw(warningLines(event), { whole: true });
    }
  };

  readonly close = (): void => {
    if (this.#closed) return;
    this.#stop();
    this.#tasks.clear();
    this.#phase = undefined;
    this.#closed = true;
    this.#draw([]);
    this.#screen.write(SHOW_CURSOR);
  };

  #start(key: number | string, title: string, size?: number): void {
    this.#tasks.set(key, { title, began: this.#screen.now(), lines: new StepLines(), tail: [], size });
  }

  #progress(key: string, bytes: number): void {
    const task = this.#tasks.get(key);
    if (task !== undefined) task.done = bytes;
  }

  #say(id: number, line: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.tail = [...task.tail, line].slice(-TAIL);
    task.note = 'emulated';
  }

  #output(id: number, stream: string, data: Uint8Array): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) task.tail = [...task.tail, ...task.lines.push(stream, data)].slice(-TAIL);
  }

  #end(
    key: number | string,
    { result, ms, note }: { readonly result: EndResult; readonly ms: number; readonly note?: string },
  ): void {
    const task = this.#tasks.get(key);
    if (task === undefined) return;
    this.#tasks.delete(key);
    this.#finished += 1;
    const mark = MARKS[result];
    const time = result === 'hit' ? '' : formatElapsed(ms);
    this.#draw([
      this.#spread(`=> ${mark}${task.title}`, [note ?? task.note, time].filter(Boolean).join('  ')),
    ]);
  }

  /** Text on the left, time on the right. */
  #spread(left: string, right: string): string {
    const columns = this.#columns();
    if (right === '' || columns < 20) return cut(left, columns);
    const text = cut(left, columns - right.length - 1);
    return text + ' '.repeat(columns - textWidth(text) - right.length) + right;
  }

  /** The last column stays empty: terminals differ in what they do when it is written. */
  #columns(): number {
    return Math.max(1, (this.#screen.columns() || 80) - 1);
  }

  /** Replaces the live region; `above` scrolls away for good. `whole` lines may wrap, others are cut. */
  #draw(above: readonly string[], { whole = false }: { readonly whole?: boolean } = {}): void {
    const frame = this.#closed ? [] : this.#liveLines();
    const kept = whole ? above : above.map((line) => cut(line, this.#columns()));
    const same = frame.length === this.#frame.length && frame.every((line, i) => line === this.#frame[i]);
    if (kept.length === 0 && same) return;
    const text = [...kept, ...frame].map((line) => `${line}\n`).join('');
    this.#screen.write(this.#home() + text);
    this.#frame = frame;
  }

  /** To the first line of the live region. A terminal that became narrower has wrapped its lines. */
  #home(): string {
    const columns = this.#screen.columns() || 80;
    const rows = this.#frame.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)),
      0,
    );
    return rows === 0 ? '' : `\u001b[${rows}A\r${ERASE_BELOW}`;
  }

  #liveLines(): string[] {
    const elapsed = formatElapsed(this.#screen.now() - this.#began);
    const tasks = [...this.#tasks.values()];
    const header = this.#spread(`[+] Building (${this.#finished} done, ${tasks.length} running)`, elapsed);
    const phase = this.#phase === undefined ? [] : [cut(`=> ${this.#phase}`, this.#columns())];
    const room = Math.max(2, (this.#screen.rows?.() || 24) - 1);
    const heads = tasks.slice(0, Math.max(1, room - 1 - phase.length));
    const spare = room - 1 - phase.length - heads.length;
    const perTask = Math.min(TAIL, Math.floor(spare / Math.max(1, heads.length)));
    return [header, ...phase, ...heads.flatMap((task) => this.#taskLines(task, perTask))];
  }

  #taskLines(task: Task, tail: number): string[] {
    const time = formatElapsed(this.#screen.now() - task.began);
    const head = this.#spread(`=> ${task.title}`, [moved(task), time].filter(Boolean).join('  '));
    const lines = tail > 0 ? task.tail.slice(-tail) : [];
    return [head, ...lines.map((line) => cut(`   # ${line.replaceAll('\t', '  ')}`, this.#columns()))];
  }
}

type EndResult = Extract<BuildEvent, { readonly type: 'step-end' | 'transfer-end' }>['result'];

const MARKS: Readonly<Record<EndResult, string>> = {
  hit: 'CACHED ',
  done: '',
  failed: 'ERROR ',
  cancelled: 'CANCELED ',
  exists: 'EXISTS ',
  mounted: 'MOUNTED ',
};

const transferKey = ({ id }: { readonly id: number }): string => `transfer ${id}`;

/** `42%` of a known size, else the bytes so far. */
function moved({ done, size }: Task): string {
  if (done === undefined) return '';
  return size ? `${Math.min(100, Math.floor((done / size) * 100))}%` : formatSize(done);
}

const titleOf = (step: StepInfo): string => stepTitle(step).replaceAll('\t', ' ');

function timer(ms: number, work: () => void): () => void {
  const handle = setInterval(work, ms);
  handle.unref();
  return () => clearInterval(handle);
}
