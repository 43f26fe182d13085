import type { Compression, DiffId, Platform } from '../../oci/index.ts';
import type { Layer, LayerId } from '../../tree/index.ts';

/** `default`: one that reaches others but not the machine itself, where the machine can give that. */
export type RunNetwork = 'default' | 'host' | 'none';

/** One process to run in a sandbox. All paths are inside the root filesystem. */
export type RunRequest = {
  /** The stack of layers that is the root filesystem, base first. */
  readonly layers: readonly LayerId[];
  /** What its programs are made for; default: this machine. */
  readonly platform?: Platform;
  readonly argv: readonly string[];
  /** `NAME=value`, complete: nothing of the caller's environment is added. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** Resolved against the image's passwd and group: numbers only; `default` is root as the image lists it. */
  readonly user:
    | { readonly uid: number; readonly gid: number; readonly groups: readonly number[] }
    | 'default';
  readonly hostname: string;
  readonly network: RunNetwork;
  /** What goes to the process's standard input; nothing when absent. */
  readonly stdin?: Uint8Array;
  /** Files that exist for the time of the process only, below `/dev`; absolute paths. */
  readonly files?: readonly { readonly path: string; readonly bytes: Uint8Array; readonly mode: number }[];
  /** In the order they are mounted. */
  readonly mounts?: readonly RequestMount[];
  /** Every capability, no filter of system calls, nothing masked. */
  readonly insecure?: boolean;
};

export type Owner = { readonly uid: number; readonly gid: number; readonly mode: number };

/** What a process sees besides its root filesystem. Targets are absolute and clean, and never the root. */
export type RequestMount =
  | ({ readonly target: string } & TargetMount)
  /** A file, or a variable, or both. The bytes are never written to a disk. */
  | ({
      readonly type: 'secret';
      readonly target?: string;
      readonly env?: string;
      readonly bytes: Uint8Array;
    } & Owner);

type TargetMount =
  /** What stands at `path` (absolute, no links on the way) of a stack of layers. Writes are thrown away. */
  | {
      readonly type: 'bind';
      readonly layers: readonly LayerId[];
      readonly path: string;
      readonly readonly: boolean;
    }
  | {
      readonly type: 'cache';
      /** Names the directory: letters and digits. */
      readonly name: string;
      /** For messages. */
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readonly: boolean;
      /** What a new one holds; absent for nothing. */
      readonly seed?: LayerId;
      /** Of a new one; default: as seeded, else root's, 0755. */
      readonly owner?: Partial<Owner>;
    }
  | { readonly type: 'tmpfs'; readonly size?: number; readonly readonly: boolean }
  /** A socket that answers for an agent. */
  | ({ readonly type: 'ssh'; readonly agent: SshAgent } & Owner);

/** An agent that runs, or keys for one that runs as long as the step. */
export type SshAgent =
  | { readonly type: 'socket'; readonly path: string }
  | {
      readonly type: 'keys';
      readonly keys: readonly Uint8Array[];
      /** Where they were read, for programs of this machine. */
      readonly files: readonly string[];
    };

/** What the one who builds lends to steps. Read only when a step needs it. */
export interface Credentials {
  /** `undefined` when there is none of this name. @throws LapidaryError MOUNT_FAILED */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** `undefined` when there is none of this name. @throws LapidaryError MOUNT_FAILED */
  agent(id: string): Promise<SshAgent | undefined>;
  /** Names, for suggestions. */
  readonly secretIds: readonly string[];
  readonly agentIds: readonly string[];
}

export type RunResult =
  /** `layer` is the change the command made, durable in the store. */
  | { readonly ok: true; readonly layer: Layer }
  /** `signal` is set when the command was killed by one. */
  | { readonly ok: false; readonly exitCode: number; readonly signal?: string };

/** A layer that is a blob of the store so far, to be unpacked where commands can use it. */
export type UnpackRequest = {
  readonly blob: { readonly path: string; readonly compression: Compression; readonly diffId: DiffId };
  /** The stack it stands on, base first. */
  readonly below: readonly LayerId[];
  /** What the command will ask for that is run next over it: it can be made ready meanwhile. */
  readonly network?: RunRequest['network'];
};

/** `size` is that of the uncompressed tar, in bytes. */
export type Unpacked = { readonly layer: LayerId; readonly size: number };

export type RunIo = {
  onOutput(stream: 'stdout' | 'stderr', data: Uint8Array): void;
  /** Called before the first output when an emulator runs it: its path, or what is known of it. */
  onEmulated?(emulator: string): void;
  signal: AbortSignal;
};

/** Runs commands whose changes are thrown away, and answers with their exit codes. */
export interface TrialRuntime {
  trial(request: RunRequest, io: RunIo): Promise<number>;
}

/**
 * Runs commands over stacks of layers. Opened lazily by the first `run`; disposing ends every process and mount.
 * Aborting `signal` kills the command and rejects with `signal.reason`; nothing of it stays.
 */
export interface Runtime extends AsyncDisposable {
  run(request: RunRequest, io: RunIo): Promise<RunResult>;
  /**
   * Makes a blob a layer whose contents are unpacked, in one pass over it; `undefined` when the layer is one of the
   * rare ones that cannot be unpacked like this: `LayerStore.ingestTar` takes it.
   * @throws LapidaryError TAR_INVALID, DIGEST_MISMATCH when the blob is not what it was promised as
   */
  unpack(request: UnpackRequest, io: { signal: AbortSignal }): Promise<Unpacked | undefined>;
}
