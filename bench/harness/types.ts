/** What a command printed. */
export type Output = { readonly stdout: string; readonly stderr: string };

/** One of the tools that do the same work in a case. */
export type Side = {
  /** `lapidary`, `buildah --jobs 2`, …; unique in its case. */
  readonly tool: string;
  /** Not measured, before every run: puts stores and outputs back to where the run starts from. */
  readonly before?: () => void;
  /** Program and arguments. Nothing of a shell, unless it is one. */
  readonly command: readonly string[];
  /** Not measured, after the last run: throws when the result is not what the case asks for. */
  readonly check: (last: Output) => void;
  /** No run may take more memory, in all of its processes together; it is measured so then. */
  readonly mostMiB?: number;
};

/** The same work by several tools, lapidary first. Ratios are between sides of one case. */
export type Case = { readonly name: string; readonly about: string; readonly sides: readonly Side[] };

export type Workload = {
  readonly name: string;
  readonly about: string;
  /** Measured runs of each side, and runs thrown away before them. */
  readonly runs: number;
  readonly warmUps: number;
  /** Makes the inputs that are missing. Throws `Unavailable` when this machine cannot do it at all. */
  readonly prepare: () => readonly Case[];
  /** Ends what `prepare` has started. */
  readonly finish?: () => void;
};

/** A workload that this machine lacks something for: it is left out with the message. */
export class Unavailable extends Error {}
