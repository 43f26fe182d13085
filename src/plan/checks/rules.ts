import { TEXT_RULES, type TextRule } from '../../dockerfile/index.ts';
import { copyIgnoredFile, secretFileCopied } from './copy-rules.ts';
import {
  fromPlatformFlagConstDisallowed,
  invalidBaseImagePlatform,
  invalidDefaultArgInFrom,
  redundantTargetPlatform,
  undefinedArgInFrom,
} from './from-rules.ts';
import type { PlanRule } from './plan-rule.ts';
import {
  exposeInvalidFormat,
  exposeProtoCasing,
  jsonArgsRecommended,
  undefinedVar,
  workdirRelativePath,
} from './scope-rules.ts';

export type Rule = TextRule | PlanRule;

export const PLAN_RULES: readonly PlanRule[] = [
  jsonArgsRecommended,
  undefinedArgInFrom,
  workdirRelativePath,
  undefinedVar,
  invalidBaseImagePlatform,
  redundantTargetPlatform,
  invalidDefaultArgInFrom,
  fromPlatformFlagConstDisallowed,
  copyIgnoredFile,
  exposeProtoCasing,
  exposeInvalidFormat,
  secretFileCopied,
];

/** Every rule there is. */
export const RULES: readonly Rule[] = [...TEXT_RULES, ...PLAN_RULES];
