import type { SourceRange } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';

/** What a step is, for people: `[build 2/5] RUN shards install`. */
export type StepInfo = {
  /** Unique within a build; small, in order of appearance. */
  readonly id: number;
  /** The stage's name, or its index as text. */
  readonly stage: string;
  /** Position among the stage's instructions that make work, from 1; and their number. */
  readonly position: number;
  readonly of: number;
  /** The instruction as one line, variables as written. */
  readonly title: string;
  /** What it runs on (`linux/arm64`), and makes files for (`linux/amd64->arm64`), in builds for several platforms. */
  readonly platform?: string;
  /** Where it stands; absent for steps that come from a base image's ONBUILD. */
  readonly at?: SourceRange;
};

/**
 * All that a build tells while it runs. Plain data: the terminal, the JSON log and later reports are drawn
 * from these. Text that came from outside is raw here; whoever prints it strips it.
 */
export type BuildEvent =
  | { readonly type: 'phase'; readonly name: string; readonly detail?: string }
  | {
      readonly type: 'image';
      readonly reference: string;
      readonly platform?: string;
      readonly from: string;
      readonly id: string;
    }
  | { readonly type: 'stage-skipped'; readonly stage: string }
  | { readonly type: 'step-start'; readonly step: StepInfo }
  /** The programs of a step are for another machine. */
  | {
      readonly type: 'step-emulated';
      readonly id: number;
      readonly platform: string;
      /** Its path, or what is known of it. */
      readonly emulator: string;
    }
  | {
      readonly type: 'step-output';
      readonly id: number;
      readonly stream: 'stdout' | 'stderr';
      readonly data: Uint8Array;
    }
  | {
      readonly type: 'step-end';
      readonly id: number;
      readonly result: 'hit' | 'done' | 'failed' | 'cancelled';
      readonly ms: number;
    }
  /** A blob begins to move. `size` is absent while it is still being compressed. */
  | {
      readonly type: 'transfer-start';
      /** Unique within a build, beside those of steps. */
      readonly id: number;
      readonly action: 'pull' | 'push';
      readonly digest?: Digest;
      readonly size?: number;
      /** The repository: `docker.io/library/alpine`. */
      readonly place: string;
    }
  /** Bytes done so far; they may become fewer when a transfer begins anew. */
  | { readonly type: 'transfer-progress'; readonly id: number; readonly bytes: number }
  | {
      readonly type: 'transfer-end';
      readonly id: number;
      /** `exists`: it was there already. `mounted`: the registry took it from another of its repositories. */
      readonly result: 'done' | 'exists' | 'mounted' | 'failed';
      /** Bytes that moved. */
      readonly bytes: number;
      readonly ms: number;
    }
  /** Nothing goes on for a while: `what` failed on `host` for `reason` and is tried again. */
  | {
      readonly type: 'waiting';
      readonly host: string;
      readonly what: string;
      readonly reason: string;
      readonly delayMs: number;
    }
  /** What a registry still allows this user. */
  | { readonly type: 'quota'; readonly host: string; readonly remaining: number; readonly limit: number }
  /** How long the steps of a stage took that were emulated. */
  | {
      readonly type: 'emulation';
      readonly stage: string;
      readonly platform: string;
      readonly steps: number;
      readonly ms: number;
      /** How it would not be needed. */
      readonly hint?: string;
    }
  /** Worth a line, but nothing to act on. */
  | { readonly type: 'notice'; readonly message: string }
  /** Layers are fetched, of so many bytes, only to know what a COPY or ADD is copied onto; with --link they would not be. */
  | { readonly type: 'base-fetched'; readonly at: SourceRange; readonly bytes: number }
  | { readonly type: 'pushed'; readonly reference: string; readonly digest: Digest }
  | { readonly type: 'export-start'; readonly output: string }
  | { readonly type: 'export-end'; readonly output: string; readonly size: number; readonly ms: number }
  | { readonly type: 'tagged'; readonly reference: string; readonly platform?: string; readonly id: Digest }
  | { readonly type: 'warning'; readonly message: string; readonly at?: SourceRange; readonly hint?: string };

export interface EventSink {
  emit(event: BuildEvent): void;
}
