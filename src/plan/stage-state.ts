import type { Dockerfile } from '../dockerfile/index.ts';
import { expandWord, expandWords, type Instruction, type Word } from '../dockerfile/index.ts';
import { type ErrorDetails, SourceError, type SourceRange, type Span } from '../errors/index.ts';
import type { ContainerConfig, Platform } from '../oci/index.ts';
import type { Lookup, StageArguments } from './arguments.ts';
import type { Op, StepOrigin } from './op.ts';
import { platformText } from './platform-text.ts';
import type { HistoryDraft, PlannedStage, Setting, SettingOrigins } from './types.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL = ['/bin/sh', '-c'];

export type StageStart = {
  readonly op: Op;
  readonly config: ContainerConfig;
  readonly history: readonly HistoryDraft[];
  readonly image?: string | undefined;
  readonly platform: Platform;
  /** What MAINTAINER said; `undefined` where nobody said anything. */
  readonly author?: string | undefined;
  readonly origins?: SettingOrigins;
};

type StageParts = StageStart & { readonly args: StageArguments; readonly showsPlatform?: boolean };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a stage is while its instructions are applied one after another. */
export class StageState {
  readonly name: string;
  readonly args: StageArguments;
  readonly config: Mutable<ContainerConfig>;
  readonly platform: Platform;
  readonly image: string | undefined;
  readonly history: HistoryDraft[];
  op: Op;
  /** A CMD of this very stage survives a later ENTRYPOINT; an inherited one does not. */
  ownCommand = false;
  author: string | undefined;
  readonly #origins: Map<Setting, SourceRange>;
  #file: Dockerfile;
  #steps: number;
  readonly #showsPlatform: boolean;

  constructor(name: string, file: Dockerfile, start: StageParts) {
    this.name = name;
    this.#file = file;
    this.op = start.op;
    this.config = { ...start.config };
    this.history = [...start.history];
    this.image = start.image;
    this.platform = start.platform;
    this.args = start.args;
    this.author = start.author;
    this.#origins = new Map(start.origins);
    this.#showsPlatform = start.showsPlatform ?? false;
    this.#steps = start.op.op === 'scratch' ? 0 : 1;
  }

  /** The text the current instruction stands in: the Dockerfile, or a trigger of a base image. */
  get file(): Dockerfile {
    return this.#file;
  }

  /** Runs `work` with instructions of another text, such as ONBUILD triggers. */
  within(file: Dockerfile, work: () => void): void {
    const outer = this.#file;
    this.#file = file;
    try {
      work();
    } finally {
      this.#file = outer;
    }
  }

  get shell(): readonly string[] {
    return this.config.Shell ?? DEFAULT_SHELL;
  }

  get cwd(): string {
    return this.config.WorkingDir || '/';
  }

  /** Variables as an instruction sees them: ENV and ARG, the later one first. */
  lookup(): Lookup {
    return this.args.lookup;
  }

  expand(word: Word, lookup: Lookup = this.lookup()): string {
    return expandWord(word, lookup, this.#file);
  }

  expandAll(words: readonly Word[]): string[] {
    const lookup = this.lookup();
    return words.flatMap((word) => expandWords(word, lookup, this.#file));
  }

  setEnv(name: string, value: string): void {
    const env = environmentMap(this.config.Env ?? []);
    env.set(name, value);
    this.config.Env = [...env].map(([key, text]) => `${key}=${text}`);
    this.args.setEnv(name, value);
  }

  /** The next working step of this stage. */
  step(instruction: Instruction): StepOrigin {
    this.#steps += 1;
    return {
      stage: this.name,
      position: this.#steps,
      title: instruction.text,
      ...(this.#showsPlatform && { platform: platformText(this.platform, this.lookup()) }),
      at: this.at(instruction.span),
    };
  }

  /** The current instruction decides a part of the configuration. */
  setBy({ span }: Instruction, setting: Setting): void {
    this.#origins.set(setting, this.at(span));
  }

  at(span: Span): SourceRange {
    return { source: this.#file.source, span };
  }

  unsupported(what: string, span: Span, details: ErrorDetails = {}): SourceError {
    const hint = details.hint ?? 'remove it, or use a version that supports it';
    return new SourceError('DOCKERFILE_UNSUPPORTED', `${what} is not supported yet`, this.at(span), { hint });
  }

  planned(): PlannedStage {
    return {
      name: this.name,
      op: this.op,
      config: this.config,
      history: this.history,
      platform: this.platform,
      steps: this.#steps,
      origins: this.#origins,
      ...(this.image === undefined ? {} : { image: this.image }),
      ...(this.author === undefined ? {} : { author: this.author }),
    };
  }
}

/** An environment with Docker's search path, where it has none; Windows has its own. */
export function withPath(env: readonly string[], platform: Platform): readonly string[] {
  return platform.os === 'windows' || environmentMap(env).has('PATH') ? env : [...env, DEFAULT_PATH];
}

/** `NAME=value` lines as a map that keeps the order of first appearance. */
export function environmentMap(env: readonly string[]): Map<string, string> {
  return new Map(
    env.map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
