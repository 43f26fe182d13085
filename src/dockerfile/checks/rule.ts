import type { Span } from '../../errors/index.ts';
import type { Dockerfile, Instruction } from '../types.ts';

/** Text to put in place of a range of the source. */
export type Edit = { readonly span: Span; readonly text: string };

/** One place where a rule does not hold. */
export type Finding = {
  readonly message: string;
  /** The very words it is about. */
  readonly span: Span;
  /** The whole instruction they stand in. */
  readonly within: Span;
  readonly hint?: string | undefined;
  /** Repairs it without changing what was meant; absent where only a person can know. */
  readonly fix?: readonly Edit[] | undefined;
};

/** What a rule is, without how it is checked. Names, summaries and addresses of BuildKit's rules are BuildKit's. */
export type RuleFacts = {
  readonly name: string;
  readonly summary: string;
  /** Of the page that describes it; our own rules have theirs in docs/checks/. */
  readonly url?: string;
  /** Off unless it is asked for by `experimental=`. */
  readonly experimental?: true;
  /** Not one of BuildKit's. */
  readonly own?: true;
  /** For the page: what goes wrong otherwise, and what to do. */
  readonly why: string;
};

/** A rule that needs nothing but the text. */
export type TextRule = RuleFacts & { readonly check: (file: Dockerfile) => readonly Finding[] };

/** Where BuildKit's rules are described. */
export const ruleUrl = (slug: string): string => `https://docs.docker.com/go/dockerfile/rule/${slug}/`;

/** Every instruction of the stages, each FROM first. */
export function allInstructions(file: Dockerfile): Instruction[] {
  return file.stages.flatMap((stage) => [stage.from, ...stage.instructions]);
}
