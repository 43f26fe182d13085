import type { Dockerfile, Instruction, Stage, Unset, Word } from '../dockerfile/index.ts';
import { LapidaryError, SourceError, suggest, throwSourceErrors } from '../errors/index.ts';
import { copySource, sourceNames } from './copy-source.ts';
import { applyWorkdir } from './filesystem.ts';
import { checkFrontend } from './frontend.ts';
import { applyMetadata } from './metadata.ts';
import type { MountSite } from './mounts.ts';
import type { Op } from './op.ts';
import { PlanScope } from './plan-scope.ts';
import { applyRun, type RunSettings } from './run.ts';
import { findStage, stageName } from './stage-name.ts';
import { startStage } from './stage-start.ts';
import type { StageState } from './stage-state.ts';
import { applyAdd, applyCopy } from './transfer.ts';
import { parseTrigger } from './trigger.ts';
import type { PlannedStage, PlanOptions, PlanOutcome } from './types.ts';
import { applyUnset } from './unset.ts';
import { unusedArguments } from './unused-arguments.ts';

/**
 * What a Dockerfile means: the graph of ops behind the target stage, and the configuration of the result. Only
 * stages that the target reaches are looked at. Pure: where the configuration of an image is needed and not in
 * `options.images`, the outcome names all such images; call again when they are known.
 *
 * @throws SourceError for what is wrong in the Dockerfile, LapidaryError TARGET_NOT_FOUND
 */
export function planBuild(file: Dockerfile, options: PlanOptions): PlanOutcome {
  checkFrontend(file, options.buildArgs);
  return new Planner(new PlanScope(file, options)).plan();
}

class Planner {
  readonly #scope: PlanScope;
  readonly #run: RunSettings;
  readonly #stages = new Map<number, StageState | undefined>();
  readonly #errors: SourceError[] = [];

  constructor(scope: PlanScope) {
    this.#scope = scope;
    const { network = 'default', allow = new Set(), execution } = scope.options;
    const hostname = scope.globals.given('BUILDKIT_SANDBOX_HOSTNAME');
    this.#run = {
      network,
      allow,
      ...(hostname ? { hostname } : {}),
      ...(execution === undefined ? {} : { execution }),
    };
  }

  plan(): PlanOutcome {
    const { file, options, warnings } = this.#scope;
    const target = targetStage(file, options.target);
    const state = this.#stage(target);
    throwSourceErrors(this.#errors);
    if (state === undefined) return { done: false, missing: this.#scope.missing };
    for (const [name, value] of Object.entries(options.labels)) {
      state.config.Labels = { ...state.config.Labels, [name]: value };
    }
    for (const unset of options.unset ?? []) this.#unset(state, unset);
    warnings.push(...unusedArguments(this.#scope));
    const reached = [...this.#stages].sort(([a], [b]) => a - b);
    const stages = reached
      .map(([, one]) => one?.planned())
      .filter((one): one is PlannedStage => one !== undefined);
    const skipped = file.stages.filter((one) => !this.#stages.has(one.index)).map(stageName);
    return { done: true, plan: { result: state.planned(), stages, skipped, warnings } };
  }

  /** The stage after all its instructions; `undefined` when an image it needs is not known yet. */
  #stage(stage: Stage): StageState | undefined {
    if (this.#stages.has(stage.index)) return this.#stages.get(stage.index);
    const state = this.#recover(() => startStage(this.#scope, stage, (base) => this.#stage(base)));
    if (state === undefined) this.#lookAhead(stage);
    const complete =
      state !== undefined &&
      [this.#applyTriggers(state, stage), this.#applyAll(state, stage.instructions, stage)].every(Boolean);
    this.#stages.set(stage.index, complete ? state : undefined);
    return complete ? state : undefined;
  }

  /** Goes on after an error: what is wrong in other instructions is told with it. */
  #recover<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#errors.push(error);
      return undefined;
    }
  }

  #unset(state: StageState, unset: Unset): void {
    if (applyUnset(state, unset)) return;
    const what = `${unset.setting}${unset.name === undefined ? '' : ` ${unset.name}`}`;
    const at = { source: this.#scope.file.source, span: { start: 0, end: 0 } };
    this.#scope.warnings.push({ message: `there is no ${what} to unset`, at });
  }

  /** Where the base is not known yet, the stages that are copied from can still say what they need. */
  #lookAhead(stage: Stage): void {
    for (const name of stage.instructions.flatMap(sourceNames)) {
      const source = findStage(this.#scope.file.stages.slice(0, stage.index), name);
      if (source) this.#stage(source);
    }
  }

  /** ONBUILD triggers of the base, image or stage, run first. They see the stage, not the Dockerfile they came from. */
  #applyTriggers(state: StageState, stage: Stage): boolean {
    const triggers = state.config.OnBuild ?? [];
    delete state.config.OnBuild;
    const { image } = stage.from;
    const base = state.image?.split(' ')[0] ?? image.text;
    return triggers
      .map((trigger) => {
        const parsed = this.#recover(() => parseTrigger(trigger, base, this.#scope.at(image)));
        if (parsed === undefined) return false;
        let complete = false;
        state.within(parsed.file, () => {
          complete = this.#applyAll(state, [parsed.instruction], stage);
        });
        return complete;
      })
      .every(Boolean);
  }

  #applyAll(state: StageState, instructions: readonly Instruction[], stage: Stage): boolean {
    return instructions
      .map((instruction) => this.#recover(() => this.#apply(state, instruction, stage.index)))
      .every((done) => done === true);
  }

  #apply(state: StageState, instruction: Instruction, index: number): boolean {
    switch (instruction.kind) {
      case 'run':
        return applyRun(state, instruction, { settings: this.#run, site: this.#mountSite(state, index) });
      case 'copy':
        return applyCopy(state, instruction, (word) =>
          this.#source(state, { word, name: this.#expandSource(state, word), reader: index }),
        );
      case 'add':
        applyAdd(state, instruction);
        return true;
      case 'workdir':
        applyWorkdir(state, instruction);
        return true;
      case 'from':
        throw new SourceError('DOCKERFILE_SYNTAX', 'FROM cannot be a trigger', state.at(instruction.span));
      default:
        applyMetadata(state, instruction);
        return true;
    }
  }

  /** What names a stage or an image may use the arguments that FROM may use, besides those of the stage. */
  #expandSource(state: StageState, word: Word): string {
    const lookup = state.lookup();
    return state.expand(word, (name) => lookup(name) ?? this.#scope.globals.lookup(name));
  }

  #mountSite(state: StageState, reader: number): MountSite {
    return {
      source: (word, name) => this.#source(state, { word, name, reader }),
      expandFrom: (word) => this.#expandSource(state, word),
      warn: (message, at) => this.#scope.warnings.push({ message, at }),
      cacheNamespace: this.#scope.globals.given('BUILDKIT_CACHE_MOUNT_NS') ?? '',
    };
  }

  #source(
    state: StageState,
    { word, name, reader }: { readonly word: Word; readonly name: string; readonly reader: number },
  ): Op | undefined {
    const use = { name, text: word.text, at: state.at(word.span), reader };
    return copySource(this.#scope, use, (stage) => this.#stage(stage));
  }
}

/** @throws LapidaryError TARGET_NOT_FOUND */
function targetStage({ stages, source }: Dockerfile, target: string | undefined): Stage {
  const found = target === undefined ? stages.at(-1) : findStage(stages, target);
  if (found) return found;
  const names = stages.map(stageName);
  const near = suggest(target ?? '', names);
  throw new LapidaryError(
    'TARGET_NOT_FOUND',
    `no stage is called ${JSON.stringify(target)} in ${source.name}`,
    {
      hint: near === undefined ? `the stages are ${names.join(', ')}` : `did you mean ${near}?`,
    },
  );
}
