import type { BuildEvent } from '../solve/index.ts';

/** Where a renderer writes: standard error, or a recorder in tests. Sizes may change between two writes. */
export type Writer = {
  write(text: string): void;
  /** Width in cells; absent where there is no terminal. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly isTTY: boolean;
};

/** Time as a renderer sees it. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `tick` every so often until the returned function is called. Does not keep the process alive. */
  every(ms: number, tick: () => void): () => void;
};

export type ProgressMode = 'auto' | 'plain' | 'tty' | 'quiet' | 'rawjson';

export type RendererOptions = {
  readonly mode: ProgressMode;
  readonly writer: Writer;
  readonly clock: Clock;
  /** Whether escape sequences for colour are written. */
  readonly color: boolean;
};

/**
 * Draws the events of one build. Disposing completes the drawing: what is pending is written, a live view is
 * removed, the cursor is shown again. Disposing twice does nothing; events after that are ignored.
 */
export interface Renderer extends Disposable {
  emit(event: BuildEvent): void;
}
