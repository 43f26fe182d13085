import { createHash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Entry, Layer, LayerId } from './entry.ts';
import { type ContentPlaces, contentPlaces, readRow } from './layer-rows.ts';
import { HEAD } from './layer-table.ts';
import { compareEntries } from './order.ts';
import type { Steps } from './steps.ts';

/** About as much of a table is read between two pauses. */
const PIECE = 64 * 1024;
const NEWLINE = 0x0a;

/** The ID of an encoded layer, which is looked at no further. @throws LapidaryError STORE_CORRUPT */
export function* tableId(bytes: Uint8Array): Steps<LayerId> {
  const hash = createHash('sha256');
  for (const piece of pieces(bytes, 0, endOfTable(bytes))) {
    hash.update(piece);
    yield;
  }
  return `sha256:${hash.digest('hex')}` as LayerId;
}

/** Verifies the ID and every field. @throws LapidaryError STORE_CORRUPT */
export function* decodeLayer(bytes: Uint8Array, expectId?: LayerId): Steps<Layer> {
  const id = yield* tableId(bytes);
  if (expectId !== undefined && id !== expectId) throw corrupt(`is not ${expectId}`);
  const end = endOfTable(bytes);
  const content = readPlaces(bytes, end + 1);
  const entries: Entry[] = [];
  let head: unknown;
  for (const piece of pieces(bytes, 0, end)) {
    const rows = parseRows(piece);
    if (head === undefined) {
      head = rows.shift();
      if (JSON.stringify(head) !== HEAD) throw corrupt('has an unknown form');
    }
    for (const row of rows) entries.push(readRow(row, content));
    yield;
  }
  yield* checkOrder(entries);
  return { id, entries };
}

/** Where the canonical table ends: behind its last newline. */
function endOfTable(bytes: Uint8Array): number {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf('\n\n');
  if (end < 0) throw corrupt('is not complete');
  return end + 1;
}

/** Whole lines, some at a time. */
function* pieces(bytes: Uint8Array, from: number, to: number): Generator<Uint8Array> {
  for (let at = from; at < to; ) {
    const newline = bytes.indexOf(NEWLINE, Math.min(at + PIECE, to - 1));
    const end = newline < 0 ? to : Math.min(newline + 1, to);
    yield bytes.subarray(at, end);
    at = end;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function parseRows(lines: Uint8Array): unknown[] {
  const text = decoder.decode(lines).trimEnd();
  return parseJson(`[${text.replaceAll('\n', ',')}]`) as unknown[];
}

function readPlaces(bytes: Uint8Array, from: number): ContentPlaces {
  const [names = new Uint8Array(), ...places] = lines(bytes.subarray(from));
  return contentPlaces(
    parseJson(decoder.decode(names)),
    places.map((line) => (): unknown => parseJson(decoder.decode(line))),
  );
}

function lines(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    all.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return all;
}

function* checkOrder(entries: readonly Entry[]): Steps<void> {
  for (let i = 1; i < entries.length; i++) {
    const [before, after] = [entries[i - 1], entries[i]];
    if (before && after && compareEntries(before, after) >= 0)
      throw corrupt(`is out of order at ${quoted(after.path)}`);
    if (i % 256 === 0) yield;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt('is not complete');
  }
}

function corrupt(what: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `the table of a stored layer ${what}`, {
    hint: 'build again with --no-cache',
  });
}
