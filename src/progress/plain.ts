import type { BuildEvent, StepInfo } from '../solve/index.ts';
import {
  emulatedLine,
  emulationLines,
  imageLine,
  noteLine,
  phaseLine,
  stepTitle,
  taggedLine,
  transferEnd,
  transferTitle,
  warningLines,
} from './describe.ts';
import { StepLines } from './step-lines.ts';
import { cleanLine, formatElapsed, formatSize } from './text.ts';
import type { Renderer, Screen } from './types.ts';

type Task = {
  readonly number: number;
  readonly title: string;
  readonly began: number;
  readonly lines: StepLines;
};
type Output = Extract<BuildEvent, { readonly type: 'step-output' }>;
type TransferStart = Extract<BuildEvent, { readonly type: 'transfer-start' }>;
type TransferEnd = Extract<BuildEvent, { readonly type: 'transfer-end' }>;
type End = Extract<BuildEvent, { readonly type: 'step-end' }>;

/**
 * A log without cursor movement, in the manner of BuildKit's: every line begins with the number of its step, steps
 * that run at the same time are told apart by an empty line and the step's title.
 */
export class PlainRenderer implements Renderer {
  readonly #screen: Pick<Screen, 'write' | 'now'>;
  readonly #steps = new Map<number, Task>();
  readonly #transfers = new Map<number, Task>();
  readonly #exports = new Map<string, Task>();
  #numbers = 0;
  #last: Task | undefined;

  constructor(screen: Pick<Screen, 'write' | 'now'>) {
    this.#screen = screen;
  }

  readonly onEvent = (event: BuildEvent): void => {
    switch (event.type) {
      case 'phase':
        return this.#line(phaseLine(event));
      case 'image':
        return this.#whole(imageLine(event), 'DONE');
      case 'stage-skipped':
        return this.#line(`stage ${cleanLine(event.stage)} is not needed`);
      case 'step-start':
        return this.#start(event.step);
      case 'step-emulated':
        return this.#say(event.id, emulatedLine(event));
      case 'emulation':
        return this.#line(emulationLines(event).join('\n'));
      case 'step-output':
        return this.#output(event);
      case 'step-end':
        return this.#end(event);
      case 'transfer-start':
        return this.#transferStart(event);
      case 'transfer-progress':
        return;
      case 'transfer-end':
        return this.#transferEnd(event);
      case 'waiting':
      case 'quota':
      case 'notice':
      case 'base-fetched':
      case 'pushed':
        return this.#line(noteLine(event));
      case 'export-start':
        return this.#exportStart(event.output);
      case 'export-end':
        return this.#exportEnd(event);
      case 'tagged':
        return this.#whole(taggedLine(event), 'DONE');
      case 'warning':
        return this.#line(warningLines(event).join('\n'));
    }
  };

  readonly close = (): void => {
    for (const task of this.#steps.values()) this.#print(task, task.lines.finish());
    this.#steps.clear();
  };

  #task(title: string): Task {
    this.#numbers += 1;
    return { number: this.#numbers, title, began: this.#screen.now(), lines: new StepLines() };
  }

  #start(step: StepInfo): void {
    const task = this.#task(stepTitle(step));
    this.#steps.set(step.id, task);
    this.#switchTo(task);
  }

  #say(id: number, line: string): void {
    const task = this.#steps.get(id);
    if (task !== undefined) this.#print(task, [line]);
  }

  #output({ id, stream, data }: Output): void {
    const task = this.#steps.get(id);
    if (task !== undefined) this.#print(task, task.lines.push(stream, data));
  }

  #end({ id, result, ms }: End): void {
    const task = this.#steps.get(id);
    if (task === undefined) return;
    this.#print(task, task.lines.finish());
    this.#steps.delete(id);
    this.#switchTo(task);
    const words = {
      hit: 'CACHED',
      done: `DONE ${formatElapsed(ms)}`,
      failed: `ERROR after ${formatElapsed(ms)}`,
      cancelled: 'CANCELED',
    };
    this.#finish(task, words[result]);
  }

  #exportStart(output: string): void {
    const task = this.#task(`[export] ${cleanLine(output)}`);
    this.#exports.set(output, task);
    this.#switchTo(task);
  }

  #exportEnd({ output, size, ms }: Extract<BuildEvent, { readonly type: 'export-end' }>): void {
    const task = this.#exports.get(output) ?? this.#task(`[export] ${cleanLine(output)}`);
    this.#exports.delete(output);
    this.#switchTo(task);
    this.#finish(task, `DONE ${formatElapsed(ms)}, ${formatSize(size)}`);
  }

  #transferStart(event: TransferStart): void {
    const task = this.#task(transferTitle(event));
    this.#transfers.set(event.id, task);
    this.#switchTo(task);
  }

  #transferEnd(event: TransferEnd): void {
    const task = this.#transfers.get(event.id);
    if (task === undefined) return;
    this.#transfers.delete(event.id);
    this.#switchTo(task);
    this.#finish(task, transferEnd(event));
  }

  #print(task: Task, lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#switchTo(task);
    const seconds = ((this.#screen.now() - task.began) / 1000).toFixed(2);
    for (const line of lines) this.#screen.write(`#${task.number} ${seconds} ${line}\n`);
  }

  #whole(title: string, word: string): void {
    const task = this.#task(title);
    this.#switchTo(task);
    this.#finish(task, word);
  }

  #finish(task: Task, word: string): void {
    this.#screen.write(`#${task.number} ${word}\n`);
  }

  #switchTo(task: Task): void {
    if (this.#last === task) return;
    const gap = this.#last === undefined ? '' : '\n';
    this.#screen.write(`${gap}#${task.number} ${task.title}\n`);
    this.#last = task;
  }

  #line(text: string): void {
    this.#screen.write(`${text}\n`);
    this.#last = undefined;
  }
}
