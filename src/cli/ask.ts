import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { LapidaryError } from '../errors/index.ts';
import type { Io } from './io.ts';

/** What is typed to a hidden question is not shown. */
export type Question = { readonly text: string; readonly echo: 'shown' | 'hidden' };

/** The answers from the terminal, a line each. @throws LapidaryError USAGE when it ends before, the signal's reason */
export async function ask(io: Io, questions: readonly Question[]): Promise<readonly string[]> {
  let echo: Question['echo'] = 'hidden';
  // Standard error is the terminal also when the output goes elsewhere
  const output = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      if (echo === 'shown') io.stderr.write(chunk);
      done();
    },
  });
  const input = io.stdin() as unknown as NodeJS.ReadableStream;
  const lines = createInterface({ input, output, terminal: true, prompt: '' });
  // In this mode Ctrl-C is a key
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const close = (): void => lines.close();
  io.signal.addEventListener('abort', close, { once: true });
  try {
    const answers: string[] = [];
    const typed = lines[Symbol.asyncIterator]();
    for (const question of questions) {
      io.stderr.write(question.text);
      echo = question.echo;
      const { done, value } = await typed.next();
      if (question.echo === 'hidden') io.stderr.write('\n');
      io.signal.throwIfAborted();
      if (done) throw new LapidaryError('USAGE', 'the terminal gave no answer');
      answers.push(value);
    }
    return answers;
  } finally {
    io.signal.removeEventListener('abort', close);
    lines.close();
  }
}
