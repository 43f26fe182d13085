import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { FileMaker } from './file-maker.ts';
import { plainError } from './protocol.ts';
import { Syscalls } from './syscalls.ts';
import { unpackError } from './unpack.ts';
import type { MakerData, MakerMessage, Piece } from './unpack-messages.ts';
import { runOps } from './unpack-ops.ts';
import { Slots } from './unpack-slots.ts';

/*
 * A thread that helps to make a layer's files. It takes pieces from the reader, and a message from the thread that has
 * started it when the last one was sent.
 */

const { target, shared, port } = workerData as MakerData;
const slots = new Slots(shared);
const maker = new FileMaker(await Syscalls.open(), target);

function send(message: MakerMessage): void {
  parentPort?.postMessage(message, []);
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    maker[Symbol.dispose]();
    send({ type: 'failed', error: plainError(unpackError(error, maker.at)) });
  }
}

function make({ slot, ops }: Piece): void {
  maker.contents = slots.contents(slot);
  runOps(ops, maker);
  slots.release(slot, 1);
}

port.on('message', (piece: Piece) => attempt(() => make(piece)));
parentPort?.on('message', () => {
  attempt(() => {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      make(next.message as Piece);
    maker[Symbol.dispose]();
    send({ type: 'done' });
  });
});
