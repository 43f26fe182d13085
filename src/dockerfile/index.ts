export {
  allInstructions,
  applyEdits,
  type CheckSettings,
  type Edit,
  type Finding,
  parseCheckSettings,
  type RuleFacts,
  ruleUrl,
  TEXT_RULES,
  type TextRule,
} from './checks/index.ts';
export {
  type ExpandSite,
  expandHeredoc,
  expandWord,
  expandWords,
  type Lookup,
  variablesIn,
} from './expand.ts';
export { INSTRUCTION_FLAGS } from './flags.ts';
export { formatDockerfile, formatInstruction } from './format.ts';
export { IgnoreRules, parseIgnore } from './ignore.ts';
export { parseDockerfile, parseWithErrors } from './parse.ts';
export { INSTRUCTION_KINDS } from './parse-instruction.ts';
export type {
  CommandForm,
  Dockerfile,
  Heredoc,
  Instruction,
  InstructionKind,
  InstructionOf,
  KeyValue,
  MountFlag,
  Stage,
  Transfer,
  Unset,
  Word,
} from './types.ts';
export { parseUnset, UNSETTABLE } from './unset.ts';
