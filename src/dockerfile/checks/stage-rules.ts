import type { Instruction, InstructionOf, Stage } from '../types.ts';
import { type Finding, ruleUrl, type TextRule } from './rule.ts';

export const duplicateStageName: TextRule = {
  name: 'DuplicateStageName',
  summary: 'Stage names should be unique',
  url: ruleUrl('duplicate-stage-name'),
  why: 'A stage takes over the name of an earlier one: what is written further down gets the later stage, which is hard to see. Give every stage a name of its own.',
  check(file) {
    const seen = new Set<string>();
    return file.stages.flatMap(({ name, from }) => {
      if (name === undefined || from.name === undefined) return [];
      const twice = seen.has(name);
      seen.add(name);
      const message = `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`;
      return twice ? { message, span: from.name.span, within: from.span } : [];
    });
  },
};

const RESERVED: ReadonlySet<string> = new Set(['context', 'scratch']);

export const reservedStageName: TextRule = {
  name: 'ReservedStageName',
  summary: 'Reserved words should not be used as stage names',
  url: ruleUrl('reserved-stage-name'),
  why: '`scratch` is the empty image and `context` the build context. A stage of that name cannot be referred to, or hides what everybody expects.',
  check: (file) =>
    file.stages.flatMap(({ name, from }) => {
      if (name === undefined || from.name === undefined || !RESERVED.has(name)) return [];
      const message = `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`;
      return { message, span: from.name.span, within: from.span };
    }),
};

const ONCE: ReadonlySet<string> = new Set(['cmd', 'entrypoint', 'healthcheck']);

export const multipleInstructionsDisallowed: TextRule = {
  name: 'MultipleInstructionsDisallowed',
  summary: 'Multiple instructions of the same type should not be used in the same stage',
  url: ruleUrl('multiple-instructions-disallowed'),
  why: 'Of several CMD, ENTRYPOINT or HEALTHCHECK in a stage only the last has an effect. Remove the others, which only look as if they did something.',
  check: (file) => file.stages.flatMap(overridden),
};

/** The earlier one is told, as it is the one without effect. */
function overridden({ instructions }: Stage): Finding[] {
  const last = new Map<string, Instruction>();
  return instructions.flatMap((instruction) => {
    if (!ONCE.has(instruction.kind)) return [];
    const before = last.get(instruction.kind);
    last.set(instruction.kind, instruction);
    if (before === undefined) return [];
    const message = `Multiple ${instruction.keyword.text} instructions should not be used in the same stage because only the last one will be used`;
    return { message, span: before.span, within: before.span };
  });
}

export const invalidDefinitionDescription: TextRule = {
  name: 'InvalidDefinitionDescription',
  summary:
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  url: ruleUrl('invalid-definition-description'),
  experimental: true,
  why: 'A comment right above ARG or a named FROM describes it in `--call=outline` and `--call=targets`, if it begins with its name. Put an empty line below a comment that is meant for readers of the file only.',
  check: (file) => [
    ...file.globals.flatMap(argDescription),
    ...file.stages.flatMap(({ from, instructions }) => [
      ...describes(from, from.name === undefined ? [] : [from.name.text.toLowerCase()], 'FROM'),
      ...instructions.flatMap((one) => (one.kind === 'arg' ? argDescription(one) : [])),
    ]),
  ],
};

const argDescription = (arg: InstructionOf<'arg'>): Finding[] =>
  describes(
    arg,
    arg.args.map(({ name }) => name.text),
    'ARG',
  );

function describes(
  { comments, keyword, span }: Instruction,
  names: readonly string[],
  what: string,
): Finding[] {
  const last = comments?.at(-1);
  if (last === undefined || names.length === 0 || names.includes(last.split(' ', 1)[0] ?? '')) return [];
  const example = names.length > 1 ? '<arg_key>' : (names[0] ?? '');
  const message = `Comment for ${what} should follow the format: \`# ${example} <description>\``;
  return [{ message, span: keyword.span, within: span }];
}
