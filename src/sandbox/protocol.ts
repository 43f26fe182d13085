import { ERROR_CODES, type ErrorCode, LapidaryError, messageOf } from '../errors/index.ts';
import type { Owner, RequestMount, RunRequest, StorePaths } from '../solve/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { EmulationRequest } from './emulation.ts';
import type { SandboxSettings } from './settings.ts';
import type { TreeAttributes } from './tree-form.ts';
import type { LayerBlob } from './unpack-messages.ts';

/** Longest frame that is accepted: requests carry an environment and standard input, nothing bigger. */
const MAX_FRAME = 256 << 20;
const HEADER = 9;
const KINDS = ['message', 'stdout', 'stderr'] as const;

/** One frame: u32 length of the payload, u8 kind, u32 run, payload. Little endian. */
export type Frame = {
  readonly kind: (typeof KINDS)[number];
  /** Which run it is about. */
  readonly run: number;
  readonly payload: Uint8Array;
};

/** A directory or file of the host that a run sees. */
export type VolumeMount = { readonly source: string; readonly target: string; readonly readonly: boolean };

/** A mount of a request, bytes in base64. */
export type OrderMount =
  | Exclude<RequestMount, { type: 'secret' | 'ssh' }>
  | (Omit<Extract<RequestMount, { type: 'secret' }>, 'bytes'> & { readonly base64: string })
  | ({
      readonly type: 'ssh';
      readonly target: string;
      readonly agent:
        | { readonly type: 'socket'; readonly path: string }
        | { readonly type: 'keys'; readonly keys: readonly string[] };
    } & Owner);

/** What the child needs to know of one run. */
export type RunOrder = Omit<RunRequest, 'stdin' | 'files' | 'mounts'> & {
  readonly mounts?: readonly OrderMount[];
  /** Its programs are run by the sandbox's own emulators, as `emulate` has answered. */
  readonly emulated?: boolean;
  /** Made for this run, empty, on the store's filesystem; removed by who sends the order. */
  readonly directory: string;
  /** base64 */
  readonly stdin?: string;
  /** Put into the root for the time of the run. `path` is clean and below /dev. */
  readonly files: readonly { readonly path: string; readonly mode: number; readonly base64: string }[];
  readonly mode:
    | { readonly type: 'build' }
    /** As for a build, but nothing of it stays. */
    | { readonly type: 'trial' }
    | {
        readonly type: 'foreground';
        readonly terminal: boolean;
        readonly volumes: readonly VolumeMount[];
        /** Host path of a static init program. */
        readonly init?: string;
      };
};

/** What the child needs to know to unpack a layer that is only a blob. */
export type UnpackOrder = {
  readonly blob: LayerBlob;
  /** The stack it stands on, base first; all of them layers of the store. */
  readonly below: readonly LayerId[];
  /** That of the run that waits for it. */
  readonly network?: RunRequest['network'];
  /** As for a run. */
  readonly directory: string;
};

/** To the child. */
export type Order =
  | {
      readonly type: 'open';
      readonly paths: StorePaths;
      readonly runtime: RuntimeProgram;
      readonly searchPath: string;
      readonly attributes: TreeAttributes;
      readonly settings: SandboxSettings;
      /** Files of cgroups that take the processes of containers. */
      readonly cgroups: readonly string[];
      /** Whether who sends this may read whatever the sandbox makes. */
      readonly callerIsRoot: boolean;
    }
  | { readonly type: 'run'; readonly order: RunOrder }
  | { readonly type: 'unpack'; readonly order: UnpackOrder }
  | { readonly type: 'emulate'; readonly request: EmulationRequest }
  | { readonly type: 'abort' }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals };

/** From the child: `ready` once, then one of the others per run. */
export type Report =
  | { readonly type: 'ready' }
  /** At any time: what steps have to do with on this machine. */
  | { readonly type: 'warning'; readonly message: string; readonly hint: string }
  /** `table` is absent for runs whose change is thrown away. */
  | { readonly type: 'succeeded'; readonly table?: string }
  | { readonly type: 'exited'; readonly exitCode: number }
  /** `size` is that of the uncompressed tar. */
  | { readonly type: 'unpacked'; readonly table: string; readonly size: number }
  | { readonly type: 'emulation'; readonly emulation: Emulation }
  /** It cannot be unpacked from the blob; see IrregularLayer. */
  | { readonly type: 'irregular' }
  | { readonly type: 'failed'; readonly error: PlainError };

/** How programs of an architecture run here. `emulator` is a path, or what else is known of it. */
export type Emulation =
  | { readonly type: 'native' }
  /** By what this machine has registered. */
  | { readonly type: 'host'; readonly emulator: string }
  /** By what this sandbox has registered for itself. */
  | { readonly type: 'own'; readonly emulator: string };

/** An OCI runtime of this machine. */
export type RuntimeProgram = { readonly name: 'crun' | 'runc'; readonly path: string };

/** An error that crosses the pipe. Without `code` it is a bug. */
export type PlainError = {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly notes: readonly string[];
};

export function encodeFrame(frame: Frame): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEADER + frame.payload.byteLength);
  bytes.writeUInt32LE(frame.payload.byteLength, 0);
  bytes.writeUInt8(KINDS.indexOf(frame.kind), 4);
  bytes.writeUInt32LE(frame.run, 5);
  bytes.set(frame.payload, HEADER);
  return bytes;
}

export function encodeMessage(run: number, message: Order | Report): Uint8Array {
  return encodeFrame({ kind: 'message', run, payload: Buffer.from(JSON.stringify(message)) });
}

/** The message of a frame of that kind. The peer is this program itself: the shape is not checked again. */
export function decodeOrder(frame: Frame): Order {
  return JSON.parse(Buffer.from(frame.payload).toString('utf8')) as Order;
}

export function decodeReport(frame: Frame): Report {
  return JSON.parse(Buffer.from(frame.payload).toString('utf8')) as Report;
}

/** Cuts a stream of bytes into frames, however the bytes arrive. */
export class FrameReader {
  #pending: Buffer[] = [];
  #length = 0;

  /** @throws Error for a stream that is not one of frames */
  push(chunk: Uint8Array): Frame[] {
    this.#pending.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#length += chunk.byteLength;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    if (this.#length < HEADER) return undefined;
    const header = this.#joined(HEADER);
    const size = header.readUInt32LE(0);
    const kind = KINDS[header.readUInt8(4)];
    if (size > MAX_FRAME || kind === undefined)
      throw new Error('the sandbox sent something that is not a frame');
    if (this.#length < HEADER + size) return undefined;
    const all = this.#joined(HEADER + size);
    this.#pending = [all.subarray(HEADER + size)];
    this.#length -= HEADER + size;
    return { kind, run: all.readUInt32LE(5), payload: all.subarray(HEADER, HEADER + size) };
  }

  /** A buffer that starts with the next `size` bytes; joins chunks only when one is not enough. */
  #joined(size: number): Buffer {
    const [first] = this.#pending;
    if (first !== undefined && first.byteLength >= size) return first;
    const all = Buffer.concat(this.#pending);
    this.#pending = [all];
    return all;
  }
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof LapidaryError)) return { message: messageOf(error), notes: stackLines(error) };
  const { code, message, hint, notes } = error;
  return { code, message, notes, ...(hint === undefined ? {} : { hint }) };
}

export function revivedError({ code, message, hint, notes }: PlainError): Error {
  if (code !== undefined && code in ERROR_CODES) return new LapidaryError(code, message, { hint, notes });
  return new LapidaryError('SANDBOX_FAILED', `the sandbox failed: ${message}`, { hint, notes });
}

function stackLines(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack
    .split('\n')
    .slice(1, 9)
    .map((line) => line.trim());
}
