import { type Dockerfile, expandWord, type Instruction, type Stage } from '../../dockerfile/index.ts';
import { SourceError } from '../../errors/index.ts';
import type { ImageConfig, Platform } from '../../oci/index.ts';
import { GlobalArguments, StageArguments } from '../arguments.ts';
import { applyMetadata } from '../metadata.ts';
import { findNamedStage, stageName } from '../stage-name.ts';
import { environmentMap, StageState, withPath } from '../stage-state.ts';

/** What surrounds a Dockerfile that is checked. */
export type CheckOptions = {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly target?: string | undefined;
  /** The configuration of a base image where it is known. */
  readonly image?: (reference: string, platform: Platform) => ImageConfig | undefined;
  /** Why a path of the build context is ignored; absent where there is no ignore file or no context. */
  readonly ignored?: (path: string) => boolean;
  /** The files that these sources select from the build context; absent where that is not at hand. */
  readonly selected?: (
    sources: readonly string[],
    exclude: readonly string[],
  ) => readonly SelectedName[] | undefined;
};

/** `secret`: by what is in the file. */
export type SelectedName = { readonly path: string; readonly secret: boolean };

/** A stage as its FROM stands. */
export type FromView = {
  readonly file: Dockerfile;
  readonly stage: Stage;
  readonly globals: GlobalArguments;
  readonly options: CheckOptions;
  /** The base as it comes out; `undefined` where it is malformed or empty. */
  readonly base: string | undefined;
  readonly isStage: boolean;
};

/** An instruction, and the stage just before it. */
export type InstructionView = {
  readonly file: Dockerfile;
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly state: StageState;
  /** Whether all variables of the stage are known: those of a base image may not be. */
  readonly closed: boolean;
  /** A WORKDIR stood in this file before. */
  readonly workdirSet: boolean;
  readonly options: CheckOptions;
};

export type Visitor = {
  from(view: FromView): void;
  instruction(view: InstructionView): void;
};

type Known = { readonly state: StageState; readonly closed: boolean; readonly workdirSet: boolean };

/**
 * Goes through the stages as a build would, without images, contexts or steps. What is malformed is passed over: that
 * is for the build to tell.
 */
export function walkStages(file: Dockerfile, options: CheckOptions, visitor: Visitor): void {
  const globals = attempt(() => new GlobalArguments(file, options));
  if (globals === undefined) return;
  const known = new Map<number, Known>();
  for (const stage of reachedStages(file, options.target, globals)) {
    const base = attempt(() => expandWord(stage.from.image, globals.lookup, file)) || undefined;
    const under = base === undefined ? undefined : findNamedStage(file.stages.slice(0, stage.index), base);
    visitor.from({ file, stage, globals, options, base, isStage: under !== undefined });
    const start = startOf(file, { stage, globals, options, base, under: under && known.get(under.index) });
    known.set(stage.index, walkStage(file, { stage, start, options, visitor }));
  }
}

function walkStage(
  file: Dockerfile,
  parts: {
    readonly stage: Stage;
    readonly start: Known;
    readonly options: CheckOptions;
    readonly visitor: Visitor;
  },
): Known {
  const { stage, start, options, visitor } = parts;
  const { state, closed } = start;
  let { workdirSet } = start;
  for (const instruction of stage.instructions) {
    visitor.instruction({ file, stage, instruction, state, closed, workdirSet, options });
    if (instruction.kind === 'workdir') workdirSet = true;
    attempt(() => apply(state, instruction));
  }
  return { state, closed, workdirSet };
}

function apply(state: StageState, instruction: Instruction): void {
  switch (instruction.kind) {
    case 'from':
    case 'run':
    case 'copy':
    case 'add':
    case 'workdir':
      return;
    default:
      applyMetadata(state, instruction);
  }
}

function startOf(
  file: Dockerfile,
  parts: {
    readonly stage: Stage;
    readonly globals: GlobalArguments;
    readonly options: CheckOptions;
    readonly base: string | undefined;
    readonly under: Known | undefined;
  },
): Known {
  const { stage, globals, options, base, under } = parts;
  const name = stageName(stage);
  if (under !== undefined) {
    const { OnBuild: _done, ...config } = under.state.config;
    const args = new StageArguments(globals, under.state.args);
    return { ...under, state: new StageState(name, file, { ...under.state.planned(), config, args }) };
  }
  const image =
    base === undefined || base === 'scratch' ? undefined : options.image?.(base, options.platform);
  const Env = withPath(image?.config?.Env ?? [], options.platform);
  const state = new StageState(name, file, {
    op: { op: 'scratch' },
    config: { ...image?.config, Env },
    history: [],
    platform: options.platform,
    args: new StageArguments(globals, environmentMap(Env)),
  });
  return { state, closed: base === 'scratch' || image !== undefined, workdirSet: false };
}

/** All stages, or those that the target stands on or copies from. */
function reachedStages(
  file: Dockerfile,
  target: string | undefined,
  globals: GlobalArguments,
): readonly Stage[] {
  if (target === undefined) return file.stages;
  const reached = new Set<Stage>();
  const visit = (stage: Stage | undefined): void => {
    if (stage === undefined || reached.has(stage)) return;
    reached.add(stage);
    const above = file.stages.slice(0, stage.index);
    const base = attempt(() => expandWord(stage.from.image, globals.lookup, file));
    if (base !== undefined) visit(findNamedStage(above, base));
    for (const instruction of stage.instructions) {
      for (const name of sourcesOf(instruction)) visit(findNamedStage(above, name) ?? above[Number(name)]);
    }
  };
  visit(findNamedStage(file.stages, target) ?? file.stages[Number(target)]);
  return file.stages.filter((stage) => reached.has(stage));
}

function sourcesOf(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'copy')
    return instruction.flags.from === undefined ? [] : [instruction.flags.from.text];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap(({ options }) =>
    options.flatMap(({ key, value }) => (key === 'from' && value !== undefined ? value : [])),
  );
}

/** What it comes to, unless the Dockerfile is malformed there. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}
