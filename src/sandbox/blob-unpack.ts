import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FileMaker } from './file-maker.ts';
import { IrregularLayer } from './layer-scan.ts';
import { revivedError } from './protocol.ts';
import type { Syscalls } from './syscalls.ts';
import { unpackError } from './unpack.ts';
import type {
  HelpMessage,
  LayerBlob,
  LayerFound,
  MakerData,
  MakerMessage,
  Piece,
  ReaderData,
  ReaderMessage,
} from './unpack-messages.ts';
import { runOps } from './unpack-ops.ts';
import { type SharedSlots, Slots, sharedSlots } from './unpack-slots.ts';

/**
 * A small young generation: what a piece leaves behind is dead when the next one comes, and memory that was never used
 * before is the dearest there is.
 */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

export type UnpackOptions = {
  readonly syscalls: Syscalls;
  readonly target: string;
  readonly signal: AbortSignal;
  /** Default: those that this process may use. */
  readonly cores?: number;
};

/**
 * Makes a layer's files below `target`, which it makes too, while another thread reads its blob; a third one helps to
 * make them when this one falls behind and there are more than two cores: with the thread of the pool that inflates, those have
 * enough to do.
 * @throws IrregularLayer, LapidaryError TAR_INVALID, DIGEST_MISMATCH, STORE_FAILED
 */
export async function unpackFiles(
  blob: LayerBlob,
  { syscalls, target, signal, cores = availableParallelism() }: UnpackOptions,
): Promise<LayerFound> {
  const shared = sharedSlots();
  using maker = new FileMaker(syscalls, target);
  const threads = new Threads({ target, shared, mayHelp: cores > 2 });
  try {
    mkdirSync(target, 0o700);
    return await threads.read(blob, { signal, onPiece: pieceMaker(maker, shared) });
  } catch (error) {
    throw unpackError(error, maker.at);
  } finally {
    await threads.end();
  }
}

function pieceMaker(maker: FileMaker, shared: SharedSlots): (piece: Piece) => void {
  const slots = new Slots(shared);
  return ({ slot, ops }) => {
    maker.contents = slots.contents(slot);
    runOps(ops, maker);
    slots.release(slot, 0);
  };
}

type Follow = { readonly signal: AbortSignal; readonly onPiece: (piece: Piece) => void };
type Settle = { readonly resolve: (found: LayerFound) => void; readonly reject: (error: unknown) => void };

type Reject = (error: unknown) => void;

type ThreadOptions = { readonly target: string; readonly shared: SharedSlots; readonly mayHelp: boolean };

/** The reader of a layer, and another maker if there is one. */
class Threads {
  readonly #target: string;
  readonly #shared: SharedSlots;
  readonly #mayHelp: boolean;
  readonly #all: Worker[] = [];

  constructor({ target, shared, mayHelp }: ThreadOptions) {
    this.#target = target;
    this.#shared = shared;
    this.#mayHelp = mayHelp;
  }

  /** Settles when all is made, or with the first thing that goes wrong. */
  read(blob: LayerBlob, { signal, onPiece }: Follow): Promise<LayerFound> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else this.#read(blob, onPiece, { resolve, reject });
    });
  }

  #read(blob: LayerBlob, onPiece: (piece: Piece) => void, { resolve, reject }: Settle): void {
    let helper: Worker | undefined;
    let all: LayerFound | undefined;
    const reader = this.#start('unpack-reader', { blob, shared: this.#shared } satisfies ReaderData);
    const onMessage = (message: ReaderMessage): void => {
      if (message.type === 'piece') onPiece(message);
      else if (message.type === 'help') {
        if (!this.#mayHelp) return;
        helper = this.#help(reader);
        const onAnswer = (answer: MakerMessage): void => {
          if (answer.type === 'failed') throw revivedError(answer.error);
          if (all !== undefined) resolve(all);
        };
        listen(helper, reject, (answer) => onAnswer(answer as MakerMessage));
      } else if (message.type === 'end') {
        all = message.found;
        // All pieces are on their way to the other maker by now: it answers when they are made
        if (helper === undefined) resolve(all);
        else helper.postMessage('end', []);
      } else throw message.type === 'irregular' ? new IrregularLayer() : revivedError(message.error);
    };
    listen(reader, reject, (message) => onMessage(message as ReaderMessage));
  }

  #help(reader: Worker): Worker {
    const { port1, port2 } = new MessageChannel();
    const data: MakerData = { target: this.#target, shared: this.#shared, port: port1 };
    const helper = this.#start('unpack-maker', data, [port1]);
    reader.postMessage({ port: port2 } satisfies HelpMessage, [port2]);
    return helper;
  }

  #start(name: string, workerData: unknown, transferList: readonly MessagePort[] = []): Worker {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const script = new URL(`./${name}.${extension}`, import.meta.url);
    const worker = new Worker(script, {
      workerData,
      transferList: [...transferList],
      resourceLimits: LIMITS,
    });
    this.#all.push(worker);
    return worker;
  }

  async end(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }
}

function listen(worker: Worker, reject: Reject, onMessage: (message: unknown) => void): void {
  worker.on('message', (message: unknown) => {
    try {
      onMessage(message);
    } catch (error) {
      reject(error);
    }
  });
  worker.on('error', reject);
  worker.on('exit', () => reject(new Error('a thread that unpacks a layer ended unexpectedly')));
}
