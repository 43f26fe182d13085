import type { Finding, RuleFacts } from '../../dockerfile/index.ts';
import type { FromView, InstructionView } from './walk.ts';

/** A rule that needs to know what stands before: variables, the base, the build context. */
export type PlanRule = RuleFacts & {
  readonly from?: (view: FromView) => readonly Finding[];
  readonly instruction?: (view: InstructionView) => readonly Finding[];
};
