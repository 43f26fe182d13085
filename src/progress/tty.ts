import { styleText } from 'node:util';
import type { BuildEvent } from '../solve/index.ts';
import { describe, warningLines } from './describe.ts';
import { StepLog } from './step-log.ts';
import { displayWidth, seconds, truncate } from './text.ts';
import type { Clock, Renderer, RendererOptions, Writer } from './types.ts';

const FRAME_MS = 100;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Last output lines shown below a running step. */
const TAIL = 5;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

type Style = Parameters<typeof styleText>[0];
type Line = { readonly text: string; readonly style?: Style };

/**
 * A live view: what is over scrolls away as one line each, what runs stays at the bottom with its last output lines and is
 * drawn anew ten times a second. No line is ever wider than the terminal; lines that a narrower window has wrapped since are
 * counted when they are removed.
 */
export class TtyRenderer implements Renderer {
  readonly #writer: Writer;
  readonly #clock: Clock;
  readonly #color: boolean;
  readonly #startedAt: number;
  readonly #running = new Map<number, StepLog>();
  readonly #exports = new Map<string, number>();
  readonly #counts = { done: 0, hit: 0 };
  /** Widths of the lines of the live view on the screen. */
  #drawn: readonly number[] = [];
  /** Lines above the live view that are not written yet. */
  #settled: Line[] = [];
  readonly #stop: () => void;
  #closed = false;

  constructor({ writer, clock, color }: Omit<RendererOptions, 'mode'>) {
    this.#writer = writer;
    this.#clock = clock;
    this.#color = color;
    this.#startedAt = clock.now();
    writer.write(HIDE_CURSOR);
    this.#stop = clock.every(FRAME_MS, () => this.#draw(this.#live()));
  }

  emit(event: BuildEvent): void {
    if (this.#closed) return;
    switch (event.type) {
      case 'step-start':
        this.#running.set(event.step.id, new StepLog(event.step, this.#clock.now()));
        return;
      case 'step-output':
        this.#running.get(event.id)?.push(event.stream, event.data);
        return;
      case 'step-end':
        return this.#end(event);
      case 'export-start':
        this.#exports.set(event.output, this.#clock.now());
        return;
      case 'export-end':
        this.#exports.delete(event.output);
        return this.#settle({ text: ` ✔ ${describe(event)}` });
      case 'warning':
        return this.#settle(...warningLines(event).map((text) => ({ text, style: 'yellow' as const })));
      case 'phase':
      case 'image':
      case 'stage-skipped':
      case 'tagged':
        return this.#settle({ text: ` • ${describe(event)}`, style: 'dim' });
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop();
    for (const log of this.#running.values()) this.#settled.push({ text: ` ✘ ${log.name} CANCELED` });
    this.#draw([]);
    this.#writer.write(SHOW_CURSOR);
  }

  #end({ id, result, ms }: Extract<BuildEvent, { type: 'step-end' }>): void {
    const log = this.#running.get(id);
    if (log === undefined) return;
    this.#running.delete(id);
    log.end();
    if (result === 'hit') this.#counts.hit++;
    if (result === 'hit' || result === 'done') this.#counts.done++;
    switch (result) {
      case 'hit':
        return this.#settle({ text: this.#titled('✔', log.name, 'CACHED'), style: 'blue' });
      case 'done':
        return this.#settle({ text: this.#titled('✔', log.name, seconds(ms)) });
      case 'cancelled':
        return this.#settle({ text: this.#titled('✘', log.name, 'CANCELED'), style: 'dim' });
      case 'failed':
        return this.#settle(
          { text: this.#titled('✘', log.name, `ERROR ${seconds(ms)}`), style: 'red' },
          ...log.failure().map((text) => ({ text })),
        );
    }
  }

  #settle(...lines: Line[]): void {
    this.#settled.push(...lines);
  }

  /** ` ✔ name      1.2s`: the name gives way, the end is flush with the right edge. */
  #titled(mark: string, name: string, end: string): string {
    const room = this.#width() - 4 - displayWidth(end);
    if (room < 8) return ` ${mark} ${name}`;
    const kept = truncate(name, room);
    return ` ${mark} ${kept}${' '.repeat(room - displayWidth(kept))} ${end}`;
  }

  /** One cell stays free: many terminals wrap as soon as the last one is filled. */
  #width(): number {
    return Math.max(1, (this.#writer.columns ?? 80) - 1);
  }

  #live(): Line[] {
    const now = this.#clock.now();
    const spinner = SPINNER[Math.floor(now / FRAME_MS) % SPINNER.length] ?? '';
    const { done, hit } = this.#counts;
    const summary = `${this.#running.size} running, ${done} done, ${hit} of them cached`;
    const titles = [
      ...[...this.#running.values()].map((log) => ({ log, name: log.name, since: log.startedAt })),
      ...[...this.#exports].map(([output, since]) => ({
        log: undefined,
        name: describe({ type: 'export-start', output }),
        since,
      })),
    ];
    const room = Math.max(1, (this.#writer.rows ?? 24) - 2);
    const shown = titles.slice(0, room);
    const tail = Math.max(0, Math.min(TAIL, Math.floor((room - shown.length) / Math.max(1, shown.length))));
    const lines = shown.flatMap(({ log, name, since }): Line[] => [
      { text: this.#titled(spinner, name, seconds(now - since)), style: 'cyan' },
      ...tailOf(log, tail),
    ]);
    return [{ text: `[+] Building ${seconds(now - this.#startedAt)} (${summary})` }, ...lines];
  }

  #draw(live: readonly Line[]): void {
    const columns = Math.max(1, this.#writer.columns ?? 80);
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    const erase = rows > 0 ? `\r\u001b[${rows}A\u001b[J` : '';
    const fitted = live.map((line) => ({ ...line, text: truncate(line.text, this.#width()) }));
    const settled = this.#settled.map((line) => this.#paint(line)).join('');
    this.#settled = [];
    this.#drawn = fitted.map((line) => displayWidth(line.text));
    const text = erase + settled + fitted.map((line) => this.#paint(line)).join('');
    if (text !== '') this.#writer.write(text);
  }

  #paint({ text, style }: Line): string {
    const painted =
      this.#color && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
    return `${painted}\n`;
  }
}

function tailOf(log: StepLog | undefined, count: number): Line[] {
  if (log === undefined || count === 0) return [];
  return log.tail(count).map((line) => ({ text: `   ${line.replaceAll('\t', '    ')}`, style: 'dim' }));
}
