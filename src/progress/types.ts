import type { BuildEvent } from '../solve/index.ts';

export type ProgressMode = 'auto' | 'plain' | 'tty' | 'quiet' | 'rawjson';

/** What a renderer draws on, and its clock. */
export type Screen = {
  readonly write: (text: string) => void;
  /** Asked for on every drawing, as windows change. */
  readonly columns: () => number;
  readonly rows?: () => number;
  readonly isTTY: boolean;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
  /** Calls back again and again until the result is called; default: a timer that keeps no process alive. */
  readonly every?: (ms: number, work: () => void) => () => void;
};

/** Draws the events of a build. */
export type Renderer = {
  readonly onEvent: (event: BuildEvent) => void;
  /** Draws what is left and restores the terminal. Calling it twice does nothing. */
  readonly close: () => void;
};
