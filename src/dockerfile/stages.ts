import type { ParseContext } from './parse-context.ts';
import type { Instruction, InstructionOf, Stage } from './types.ts';

type OpenStage = Stage & { readonly instructions: Instruction[] };

/** Puts instructions, one by one, under the FROM they follow. */
export class Stages {
  readonly globals: InstructionOf<'arg'>[] = [];
  readonly stages: OpenStage[] = [];
  readonly #context: ParseContext;
  #mayBegin = true;

  constructor(context: ParseContext) {
    this.#context = context;
  }

  add(instruction: Instruction): void {
    if (instruction.kind === 'from') this.stages.push(this.#open(instruction));
    else if (this.stages.length > 0) this.stages.at(-1)?.instructions.push(instruction);
    else if (instruction.kind === 'arg') this.globals.push(instruction);
    else this.#addBeforeFrom(instruction);
  }

  /** For an instruction that is wrong: it may have been the FROM of all that follows. */
  skip(): void {
    this.#mayBegin = false;
  }

  /** Reported once: with the FROM in its place, the others would be right. */
  #addBeforeFrom({ kind, keyword }: Instruction): void {
    if (!this.#mayBegin) return;
    this.skip();
    const what = kind === 'unset' ? 'this directive' : keyword.text.toUpperCase();
    const message = `${what} stands before the first FROM`;
    const hint = 'only ARG may; begin with FROM and a base image, or FROM scratch';
    this.#context.report(this.#context.error('DOCKERFILE_SYNTAX', message, keyword.span, { hint }));
  }

  #open(from: InstructionOf<'from'>): OpenStage {
    const name = from.name?.text.toLowerCase();
    return { index: this.stages.length, from, instructions: [], ...(name === undefined ? {} : { name }) };
  }
}
