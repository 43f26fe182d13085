import type { IsolationMode } from './isolation.ts';

/** How commands are executed, whichever they are: what the one who builds says of his machine. */
export type SandboxSettings = {
  /** Default: `auto`. */
  readonly isolation?: IsolationMode;
  /** Emulators that go before those in the search path, by GOARCH; absolute paths. */
  readonly emulators?: Readonly<Record<string, string>>;
};
