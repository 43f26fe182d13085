import type { MessagePort } from 'node:worker_threads';
import type { Compression, DiffId } from '../oci/index.ts';
import type { LayerId, TableParts } from '../tree/index.ts';
import type { Gaps } from './fill.ts';
import type { PlainError } from './protocol.ts';
import type { TreePlan } from './tree-plan.ts';
import type { Ops } from './unpack-ops.ts';
import type { SharedSlots } from './unpack-slots.ts';

/*
 * What crosses between the thread that reads a layer's blob and those that make its files: see unpack-slots.ts for the
 * contents.
 */

/** A layer as it came: a blob of the store, and what its uncompressed tar must be. */
export type LayerBlob = {
  /** Absolute path of the blob. */
  readonly path: string;
  readonly compression: Compression;
  readonly diffId: DiffId;
};

/** What the reader gets as its `workerData`. */
export type ReaderData = { readonly blob: LayerBlob; readonly shared: SharedSlots };

/** What another maker gets as its `workerData`; the reader's pieces come by `port`. */
export type MakerData = { readonly target: string; readonly shared: SharedSlots; readonly port: MessagePort };

/** What the reader finds out about the whole layer; the files of `plan.nodes` are left out, they are made by then. */
export type LayerFound = {
  readonly id: LayerId;
  readonly table: TableParts;
  readonly plan: TreePlan;
  readonly gaps: Gaps;
  /** Those that were made, '' for the root. */
  readonly directories: ReadonlySet<string>;
  /** Whether the owner of the store may not read some file where it is; see `packHidden`. */
  readonly hasHidden: boolean;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
};

/** What a maker has to do with the contents of a slot. */
export type Piece = { readonly slot: number; readonly ops: Ops };

/** From the reader: any number of `piece`, and `help` once if it waits for its maker; then one of the others. */
export type ReaderMessage =
  | ({ readonly type: 'piece' } & Piece)
  | { readonly type: 'help' }
  | { readonly type: 'end'; readonly found: LayerFound }
  /** See IrregularLayer. */
  | { readonly type: 'irregular' }
  | { readonly type: 'failed'; readonly error: PlainError };

/** To the reader: where another maker takes its pieces. */
export type HelpMessage = { readonly port: MessagePort };

/** From another maker, when it was told that nothing more will come, or when something went wrong. */
export type MakerMessage =
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: PlainError };
