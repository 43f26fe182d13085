import { Worker } from 'node:worker_threads';
import { FileMaker } from './file-maker.ts';
import { IrregularLayer } from './layer-scan.ts';
import { revivedError } from './protocol.ts';
import type { Syscalls } from './syscalls.ts';
import { unpackError } from './unpack.ts';
import {
  type LayerBlob,
  type LayerFound,
  type ReaderData,
  type ReaderMessage,
  SLOT_BYTES,
  SLOTS,
} from './unpack-messages.ts';
import { runOps } from './unpack-ops.ts';

/**
 * A small young generation: what a piece leaves behind is dead when the next one comes, and memory that was never used
 * before is the dearest there is.
 */
const READER_LIMITS = { maxYoungGenerationSizeMb: 12 };

/** What was read, and the directories that were made below `target` together with all files. */
export type UnpackedFiles = { readonly found: LayerFound; readonly directories: ReadonlySet<string> };

/**
 * Makes a layer's files below `target` while another thread reads its blob.
 * @throws IrregularLayer, LapidaryError TAR_INVALID, DIGEST_MISMATCH, STORE_FAILED
 */
export async function unpackFiles(
  blob: LayerBlob,
  { syscalls, target, signal }: { syscalls: Syscalls; target: string; signal: AbortSignal },
): Promise<UnpackedFiles> {
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  const states = new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT);
  using maker = new FileMaker(syscalls, target);
  const workerData: ReaderData = { blob, memory, states };
  const worker = new Worker(readerScript(), { workerData, resourceLimits: READER_LIMITS });
  try {
    const found = await follow(worker, { signal, onPiece: pieceMaker(maker, memory, states) });
    return { found, directories: maker.directories };
  } catch (error) {
    throw unpackError(error, maker.at);
  } finally {
    await worker.terminate();
  }
}

type Piece = Extract<ReaderMessage, { type: 'piece' }>;

function pieceMaker(
  maker: FileMaker,
  memory: SharedArrayBuffer,
  states: SharedArrayBuffer,
): (piece: Piece) => void {
  const used = new Int32Array(states);
  return ({ slot, ops }) => {
    maker.contents = new Uint8Array(memory, slot * SLOT_BYTES, SLOT_BYTES);
    runOps(ops, maker);
    Atomics.store(used, slot, 0);
    Atomics.notify(used, slot);
  };
}

/** Settles with the reader's last message, or with the first thing that goes wrong here. */
function follow(
  worker: Worker,
  { signal, onPiece }: { signal: AbortSignal; onPiece: (piece: Piece) => void },
): Promise<LayerFound> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    worker.on('message', (message: ReaderMessage) => {
      try {
        if (message.type === 'piece') onPiece(message);
        else if (message.type === 'end') resolve(message.found);
        else if (message.type === 'irregular') reject(new IrregularLayer());
        else reject(revivedError(message.error));
      } catch (error) {
        reject(error);
      }
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the reader of a layer ended unexpectedly')));
    if (signal.aborted) onAbort();
  });
}

function readerScript(): URL {
  const name = import.meta.url.endsWith('.ts') ? './unpack-reader.ts' : './unpack-reader.js';
  return new URL(name, import.meta.url);
}
