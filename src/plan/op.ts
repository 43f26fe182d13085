import type { SourceRange } from '../errors/index.ts';
import type { Platform } from '../oci/index.ts';
import type { GitRef } from './git-ref.ts';

/** Where a step comes from, for titles, errors and events. */
export type StepOrigin = {
  readonly stage: string;
  /** Position among the stage's working instructions (its FROM is the first), from 1. */
  readonly position: number;
  readonly title: string;
  /** What it runs on, for people; only where a build is for several platforms. */
  readonly platform?: string;
  readonly at: SourceRange;
};

/** A file whose contents stand in the Dockerfile, as a here-document of COPY or ADD. */
export type InlineFile = { readonly name: string; readonly bytes: Uint8Array };

/** A script that RUN gets as a file: a here-document that starts with `#!`. */
export type ScriptFile = { readonly path: string; readonly bytes: Uint8Array };

/** `default`: one that reaches others but not the machine itself, where the machine can give that. */
export type StepNetwork = 'default' | 'host' | 'none';

/** What a `run` op executes. Equal commands over equal roots are interchangeable. */
export type RunCommand = {
  readonly argv: readonly string[];
  /** What its programs are made for. No part of its key: the base tells that. */
  readonly platform: Platform;
  /** `NAME=value`: the image's environment, then the build arguments in scope that it does not set. */
  readonly env: readonly string[];
  /** Proxy settings and the like: seen by the command, never part of a key, a layer or a history entry. */
  readonly hiddenEnv: readonly string[];
  readonly cwd: string;
  /** As in the configuration: `user[:group]`, names or numbers; `''` is root. */
  readonly user: string;
  readonly network: StepNetwork;
  readonly files: readonly ScriptFile[];
  /** In the order they are mounted: those that others stand in come first. */
  readonly mounts: readonly RunMount[];
  /** With every right that there is; only where the build allows it. */
  readonly insecure: boolean;
  /** Absent for the usual host name. */
  readonly hostname?: string;
  /** What of the way it is executed may change its result, as a text; absent for the usual way. */
  readonly execution?: string;
};

/** Owner and permissions of what a mount makes. */
export type MountOwner = { readonly uid: number; readonly gid: number; readonly mode: number };

/**
 * Something that a command sees and that is no part of its layer. `target` is absolute and clean.
 * Source: Dockerfile reference, "RUN --mount".
 */
export type RunMount = { readonly at: SourceRange } & (
  | BindMount
  | CacheMount
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      /** Bytes; absent for the kernel's own limit. */
      readonly size?: number;
      readonly readonly: boolean;
    }
  /** A file, or a variable named `env`, or both. Nothing at all when the secret is not given and not required. */
  | ({
      readonly type: 'secret';
      readonly id: string;
      readonly target?: string;
      readonly env?: string;
      readonly required: boolean;
    } & MountOwner)
  | ({
      readonly type: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
    } & MountOwner)
);

/** Files of a build context, a stage or an image. `source` is absolute and clean. Writes are thrown away. */
export type BindMount = {
  readonly type: 'bind';
  readonly from: Op;
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
};

/** A directory that outlives the build. */
export type CacheMount = {
  readonly type: 'cache';
  /** Names it, together with `from`, `source` and `owner`. */
  readonly id: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly sharing: 'shared' | 'private' | 'locked';
  /** What a new one is filled with; absent for nothing. */
  readonly from?: Op;
  readonly source: string;
  /** Of a new one, where the instruction says it. */
  readonly owner?: Partial<MountOwner>;
};

/**
 * A node of the build graph: plain data, no methods, no handles. Two nodes are the same step only if they are
 * the same object. `base` is what the step changes, `from` what it reads.
 */
export type Op =
  | { readonly op: 'scratch' }
  /** An image that the plan's caller resolved; `key` is its `imageKey`. */
  | { readonly op: 'image'; readonly key: string; readonly origin?: StepOrigin }
  /** The files of a build context; `''` is the main one. Only ever a `from`. */
  | { readonly op: 'context'; readonly name: string }
  | { readonly op: 'run'; readonly base: Op; readonly command: RunCommand; readonly origin: StepOrigin }
  | CopyOp
  | {
      readonly op: 'workdir';
      readonly base: Op;
      readonly path: string;
      readonly user: string;
      readonly origin: StepOrigin;
    };

/** One source of a COPY or ADD after expansion, and where it stands in the Dockerfile. */
export type CopySource = { readonly at: SourceRange } & (
  | {
      /** A path or pattern in `from`. */
      readonly kind: 'path';
      readonly path: string;
      /** A file that is a tar archive is unpacked. */
      readonly unpack: boolean;
    }
  | { readonly kind: 'inline'; readonly file: InlineFile }
  | {
      readonly kind: 'http';
      readonly url: string;
      /** What the file is called below a directory. */
      readonly name: string;
      /** `algorithm:hex` that the contents must have. */
      readonly checksum?: string;
      readonly unpack: boolean;
    }
  | { readonly kind: 'git'; readonly git: GitRef }
);

/** Where programs will look when the image runs, besides the places that every loader has: absolute directories. */
export type ClosureSearch = { readonly path: readonly string[]; readonly libraryPath: readonly string[] };

export type CopyOp = {
  readonly op: 'copy';
  readonly base: Op;
  readonly from: Op;
  readonly sources: readonly CopySource[];
  /** Absolute; a trailing slash is kept because it means something. */
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly exclude: readonly string[];
  /** The directories that a source stands in are kept below the destination. */
  readonly parents: boolean;
  /** Programs are copied with all that they need, each thing to its own path below the destination. */
  readonly closure?: ClosureSearch;
  /** The layer is made as over an empty filesystem, whatever the base holds. */
  readonly link: boolean;
  readonly origin: StepOrigin;
};

/** The ops that make a layer. */
export type StepOp = Extract<Op, { origin: StepOrigin; base: Op }>;
