import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { LapidaryError } from '../errors/index.ts';
import { decompress, releaseMemory } from '../host/index.ts';
import type { DiffId } from '../oci/index.ts';
import { TarReader } from '../tar/index.ts';
import { finish, TarEntries, treeTable } from '../tree/index.ts';
import { gapsOf } from './fill.ts';
import { isHidden } from './hidden.ts';
import { IrregularLayer, LayerScan, type Share } from './layer-scan.ts';
import { plainError } from './protocol.ts';
import { planTree, type TreePlan } from './tree-plan.ts';
import type {
  HelpMessage,
  LayerBlob,
  LayerFound,
  Piece,
  ReaderData,
  ReaderMessage,
} from './unpack-messages.ts';
import { type SharedSlots, SLOT_BYTES, Slots } from './unpack-slots.ts';

/*
 * The thread that reads a layer's blob: inflates it on the thread pool, digests the tar and its files, finds out what
 * the layer is, and hands over what has to be made, piece by piece.
 */

const READ_SIZE = 1 << 20;
/** What a small blob may grow to when it is uncompressed. */
const MAX_TAR = 2 ** 40;

/** Hands out what is to be made: to the thread that has started this one, and to another when that falls behind. */
class Makers {
  readonly #slots: Slots;
  #port: MessagePort | undefined;
  #asked = false;

  constructor(shared: SharedSlots) {
    this.#slots = new Slots(shared);
    parentPort?.on('message', ({ port }: HelpMessage) => {
      this.#port = port;
    });
  }

  /** Who has least to do. */
  next(): number {
    return this.#port !== undefined && this.#slots.backlog(1) < this.#slots.backlog(0) ? 1 : 0;
  }

  give(piece: Uint8Array, shares: readonly Share[]): void {
    if (shares.length === 0) return;
    const makers = shares.map(({ maker }) => maker);
    const slot = this.#slots.fill(piece, makers, () => this.#ask());
    // An empty list of what is handed over: lint rules for browsers want a second argument
    for (const { maker, ops } of shares) {
      if (maker === 0) send({ type: 'piece', slot, ops });
      else this.#port?.postMessage({ slot, ops } satisfies Piece, []);
    }
  }

  #ask(): void {
    if (!this.#asked) send({ type: 'help' });
    this.#asked = true;
  }
}

async function read(blob: LayerBlob, makers: Makers): Promise<LayerFound> {
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
        makers.give(
          piece,
          scan.scan(piece, makers.next(), () => reader.push(piece)),
        );
      }
      // What inflates goes on to fill the rest of a buffer that it has not filled yet
      if (chunk.byteOffset + chunk.byteLength === chunk.buffer.byteLength) releaseMemory(chunk);
    }
    reader.end();
  } finally {
    source.destroy();
  }
  expectDiffId(`sha256:${hash.digest('hex')}` as DiffId, blob.diffId);
  const entries = finish(members.entries());
  const plan = planTree(entries);
  scan.check(entries, plan);
  const { directories } = scan;
  const hasHidden = entries.some(
    (entry) => entry.kind === 'node' && entry.node.type === 'file' && isHidden(entry.node),
  );
  return {
    ...finish(treeTable(entries)),
    plan: withoutFiles(plan),
    gaps: gapsOf(plan),
    directories,
    hasHidden,
    size,
  };
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
  parentPort?.postMessage(message, []);
}

const data = workerData as ReaderData;
try {
  send({ type: 'end', found: await read(data.blob, new Makers(data.shared)) });
} catch (error) {
  send(
    error instanceof IrregularLayer ? { type: 'irregular' } : { type: 'failed', error: plainError(error) },
  );
}
