import type { Compression, DiffId } from '../oci/index.ts';
import type { LayerId, TableParts } from '../tree/index.ts';
import type { Gaps } from './fill.ts';
import type { PlainError } from './protocol.ts';
import type { TreePlan } from './tree-plan.ts';
import type { Ops } from './unpack-ops.ts';

/*
 * What crosses between the thread that reads a layer's blob and the one that makes its files. Contents are in slots of
 * shared memory: the reader fills a slot and says what is in it, the maker frees it when that is written.
 */

/** Bytes of one slot, and how many there are: as far as the reader may be ahead, and what it has read last is looked at while the rest is still written. */
export const SLOT_BYTES: number = 1 << 20;
export const SLOTS = 8;

/** A layer as it came: a blob of the store, and what its uncompressed tar must be. */
export type LayerBlob = {
  /** Absolute path of the blob. */
  readonly path: string;
  readonly compression: Compression;
  readonly diffId: DiffId;
};

/** What the reader gets as its `workerData`. */
export type ReaderData = {
  readonly blob: LayerBlob;
  /** SLOTS × SLOT_BYTES */
  readonly memory: SharedArrayBuffer;
  /** An Int32 per slot: 0 free, 1 in use. */
  readonly states: SharedArrayBuffer;
};

/** What the reader finds out about the whole layer; the files of `plan.nodes` are left out, they are made by then. */
export type LayerFound = {
  readonly id: LayerId;
  readonly table: TableParts;
  readonly plan: TreePlan;
  readonly gaps: Gaps;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
};

/** From the reader: any number of `piece`, then one of the others. */
export type ReaderMessage =
  | { readonly type: 'piece'; readonly slot: number; readonly ops: Ops }
  | { readonly type: 'end'; readonly found: LayerFound }
  /** See IrregularLayer. */
  | { readonly type: 'irregular' }
  | { readonly type: 'failed'; readonly error: PlainError };
