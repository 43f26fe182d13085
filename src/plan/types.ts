import type { Unset } from '../dockerfile/index.ts';
import type { SourceRange } from '../errors/index.ts';
import type { ContainerConfig, ImageConfig, Platform } from '../oci/index.ts';
import type { Op, StepNetwork } from './op.ts';

/** An image the plan needs the configuration (and later the layers) of. */
export type ImageNeed = {
  readonly key: string;
  /** As written, after expansion. */
  readonly reference: string;
  readonly platform: Platform;
  readonly at: SourceRange;
  /** The Dockerfile says the platform. */
  readonly pinned?: boolean;
};

/** A right that steps only have when the one who builds gives it. */
export type Entitlement = 'network.host' | 'security.insecure';

/** What surrounds a Dockerfile: everything that decides what it means. */
export type PlanOptions = {
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What the image is for, and what the build runs on. */
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  /** Steps tell what they run on: one of several plans. */
  readonly showsPlatform?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Configuration of the result to take back. */
  readonly unset?: readonly Unset[];
  /** Named contexts: `directory` is a tree of files, `image` is resolved like any image under this name. */
  readonly contexts: ReadonlyMap<string, 'directory' | 'image'>;
  /** What the network of a step is that does not say; default: `default`. */
  readonly network?: StepNetwork;
  readonly allow?: ReadonlySet<Entitlement>;
  /** What of the way commands are executed may change their results, as a text; absent for the usual way. */
  readonly execution?: string;
  /** Configurations of the images found so far, by `ImageNeed.key`. */
  readonly images: ReadonlyMap<string, ImageConfig>;
};

/** One history line of the result. `op` is set where the instruction makes a layer (or may make none). */
export type HistoryDraft = { readonly createdBy: string; readonly op?: Op };

/** A part of the configuration that decides whether an image can be started. */
export type Setting = 'Entrypoint' | 'Cmd' | 'Healthcheck' | 'User' | 'WorkingDir' | `Env ${string}`;

/** The instructions that have set what the configuration holds; what a base image brings is not in it. */
export type SettingOrigins = ReadonlyMap<Setting, SourceRange>;

export type PlannedStage = {
  /** Its name, or its index as text. */
  readonly name: string;
  readonly op: Op;
  readonly config: ContainerConfig;
  /** Of this stage and the stages it is based on; the base image's own history is not in it. */
  readonly history: readonly HistoryDraft[];
  /** Key of the base image, absent for scratch. */
  readonly image?: string;
  readonly platform: Platform;
  /** What MAINTAINER said. */
  readonly author?: string;
  /** How many steps its instructions make, its FROM included. */
  readonly steps: number;
  readonly origins: SettingOrigins;
};

export type PlanWarning = { readonly message: string; readonly at: SourceRange; readonly hint?: string };

export type Plan = {
  readonly result: PlannedStage;
  /** The stages that the result reaches, in order of the Dockerfile, the result among them. */
  readonly stages: readonly PlannedStage[];
  /** Names of the stages that are not needed. */
  readonly skipped: readonly string[];
  readonly warnings: readonly PlanWarning[];
};

/** Either a plan, or the images whose configurations must be known before there can be one. */
export type PlanOutcome =
  | { readonly done: true; readonly plan: Plan }
  | { readonly done: false; readonly missing: readonly ImageNeed[] };
