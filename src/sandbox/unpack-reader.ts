import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { LapidaryError } from '../errors/index.ts';
import { decompress } from '../host/index.ts';
import type { DiffId } from '../oci/index.ts';
import { TarReader } from '../tar/index.ts';
import { TarEntries, treeTable } from '../tree/index.ts';
import { gapsOf } from './fill.ts';
import { IrregularLayer, LayerScan } from './layer-scan.ts';
import { plainError } from './protocol.ts';
import { planTree, type TreePlan } from './tree-plan.ts';
import {
  type LayerBlob,
  type LayerFound,
  type ReaderData,
  type ReaderMessage,
  SLOT_BYTES,
  SLOTS,
} from './unpack-messages.ts';

/*
 * The thread that reads a layer's blob: inflates it on the thread pool, digests the tar and its files, finds out what
 * the layer is, and hands over what has to be made, piece by piece.
 */

const READ_SIZE = 1 << 20;
/** What a small blob may grow to when it is uncompressed. */
const MAX_TAR = 2 ** 40;

/** Shared memory that the other thread reads contents from. */
class Slots {
  readonly #bytes: Uint8Array;
  readonly #states: Int32Array;
  #next = 0;

  constructor({ memory, states }: ReaderData) {
    this.#bytes = new Uint8Array(memory);
    this.#states = new Int32Array(states);
  }

  /** Copies `bytes`, at most SLOT_BYTES, into the next slot; waits until it is free. */
  fill(bytes: Uint8Array): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLOTS;
    while (Atomics.load(this.#states, slot) !== 0) Atomics.wait(this.#states, slot, 1);
    this.#bytes.set(bytes, slot * SLOT_BYTES);
    Atomics.store(this.#states, slot, 1);
    return slot;
  }
}

async function read(blob: LayerBlob, slots: Slots): Promise<LayerFound> {
  const members = new TarEntries((path) => ({ kind: 'tree', tree: '', path }));
  const scan = new LayerScan(members);
  const reader = new TarReader(scan);
  const hash = createHash('sha256');
  const source = createReadStream(blob.path, { highWaterMark: READ_SIZE });
  let size = 0;
  try {
    for await (const chunk of decompress(source, blob.compression)) {
      size += chunk.length;
      if (size > MAX_TAR) throw new LapidaryError('TAR_INVALID', 'a layer is larger than 1 TiB');
      hash.update(chunk);
      for (let at = 0; at < chunk.length; at += SLOT_BYTES) {
        const piece = chunk.subarray(at, at + SLOT_BYTES);
        const ops = scan.scan(piece, () => reader.push(piece));
        if (ops !== undefined) send({ type: 'piece', slot: slots.fill(piece), ops });
      }
    }
    reader.end();
  } finally {
    source.destroy();
  }
  expectDiffId(`sha256:${hash.digest('hex')}` as DiffId, blob.diffId);
  const entries = members.entries();
  const plan = planTree(entries);
  scan.check(entries, plan);
  return { ...treeTable(entries), plan: withoutFiles(plan), gaps: gapsOf(plan), size };
}

function withoutFiles(plan: TreePlan): TreePlan {
  return { ...plan, nodes: new Map([...plan.nodes].filter(([, { type }]) => type !== 'file')) };
}

function expectDiffId(found: DiffId, expected: DiffId): void {
  if (found === expected) return;
  throw new LapidaryError('DIGEST_MISMATCH', `a layer was promised as ${expected} but its tar is ${found}`, {
    hint: 'the image is damaged or was changed: fetch it again',
  });
}

function send(message: ReaderMessage): void {
  // An empty list of what is handed over: lint rules for browsers want a second argument
  parentPort?.postMessage(message, []);
}

const data = workerData as ReaderData;
try {
  send({ type: 'end', found: await read(data.blob, new Slots(data)) });
} catch (error) {
  send(
    error instanceof IrregularLayer ? { type: 'irregular' } : { type: 'failed', error: plainError(error) },
  );
}
