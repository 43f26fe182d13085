import { PassThrough, Readable } from 'node:stream';
import type { Io } from './io.ts';

/** What a test knows of a call of `main` beside its exit code. */
export type FakeIo = {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: () => void;
  /** The reader of standard output goes away. */
  readonly breakPipe: () => void;
};

type FakeOptions = {
  readonly env?: Io['env'];
  readonly cwd?: string;
  readonly stdin?: string;
  readonly isTTY?: boolean;
};

/** A process for `main` in memory. */
export function fakeIo({ env = {}, cwd = '/w', stdin = '', isTTY = false }: FakeOptions = {}): FakeIo {
  const controller = new AbortController();
  const [stdout, stderr] = [collect(isTTY), collect(isTTY)];
  const input = Object.assign(Readable.from([Buffer.from(stdin)]), { isTTY });
  const io: Io = {
    env,
    cwd,
    uid: 0,
    stdin: () => input,
    stdout: stdout.stream,
    stderr: stderr.stream,
    signal: controller.signal,
    now: () => Date.parse('2026-11-22T12:00:00Z'),
    releaseSignals: () => undefined,
    atExit: () => () => undefined,
  };
  return {
    io,
    out: stdout.text,
    err: stderr.text,
    interrupt: () => controller.abort(),
    breakPipe: () => stdout.stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  };
}

function collect(isTTY: boolean): {
  readonly stream: PassThrough & { isTTY: boolean };
  readonly text: () => string;
} {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
