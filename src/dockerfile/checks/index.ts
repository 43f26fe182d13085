import { aptGetUpdateAlone, copyBeforeInstall } from './cache-rules.ts';
import { consistentInstructionCasing, fromAsCasing, stageNameCasing } from './casing.ts';
import { commentAsArgument, malformedJsonForm, noEmptyContinuation } from './parsed-rules.ts';
import type { TextRule } from './rule.ts';
import {
  duplicateStageName,
  invalidDefinitionDescription,
  multipleInstructionsDisallowed,
  reservedStageName,
} from './stage-rules.ts';
import { legacyKeyValueFormat, maintainerDeprecated, secretsUsedInArgOrEnv } from './value-rules.ts';

export { applyEdits } from './apply-edits.ts';
export { allInstructions, type Edit, type Finding, type RuleFacts, ruleUrl, type TextRule } from './rule.ts';
export { type CheckSettings, parseCheckSettings } from './settings.ts';

/** The rules that need nothing but the text of a Dockerfile. */
export const TEXT_RULES: readonly TextRule[] = [
  stageNameCasing,
  fromAsCasing,
  noEmptyContinuation,
  consistentInstructionCasing,
  duplicateStageName,
  reservedStageName,
  maintainerDeprecated,
  multipleInstructionsDisallowed,
  legacyKeyValueFormat,
  secretsUsedInArgOrEnv,
  invalidDefinitionDescription,
  commentAsArgument,
  malformedJsonForm,
  aptGetUpdateAlone,
  copyBeforeInstall,
];
