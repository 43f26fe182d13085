import { parentPort } from 'node:worker_threads';
import { messageOf } from '../errors/index.ts';
import { gzipParts, type PartsJob, type PartsResult } from './gzip-parts.ts';

export type PartsReply =
  | { readonly ok: true; readonly result: PartsResult }
  | { readonly ok: false; readonly message: string };

/** A thread that compresses what it is sent, one job after the other. */
parentPort?.on('message', (job: PartsJob) => {
  try {
    const result = gzipParts(job);
    parentPort?.postMessage({ ok: true, result } satisfies PartsReply, [result.bytes.buffer]);
  } catch (error) {
    parentPort?.postMessage({ ok: false, message: messageOf(error) } satisfies PartsReply, []);
  }
});
