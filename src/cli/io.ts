/** A standard stream of the process, or what a test puts in its place. */
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
export type InputStream = AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };

/** All that the command line touches of the process. */
export type Io = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths of flags are resolved against it. */
  readonly cwd: string;
  readonly uid: number;
  /** A function, as looking at the process's standard input opens it. */
  readonly stdin: () => InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream & { readonly rows?: number };
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Leaves signals to whoever listens from now on, or to the system. */
  readonly releaseSignals: () => void;
  /** Registers work for the moment the process ends in any way; the result takes it back. */
  readonly atExit: (work: () => void) => () => void;
};
