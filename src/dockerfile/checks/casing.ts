import type { Dockerfile, Instruction, InstructionOf } from '../types.ts';
import { allInstructions, type Finding, ruleUrl, type TextRule } from './rule.ts';

const isLower = (text: string): boolean => text === text.toLowerCase();
const isUpper = (text: string): boolean => text === text.toUpperCase();

/** Source: BuildKit, linter/ruleset.go, as all rules of its names. */
export const stageNameCasing: TextRule = {
  name: 'StageNameCasing',
  summary: 'Stage names should be lowercase',
  url: ruleUrl('stage-name-casing'),
  why: 'The names of stages do not depend on case, so that a name in capitals looks like another one than it is. Write names in lower case where they are given and where they are used.',
  check: (file) =>
    file.stages.flatMap(({ from }) => {
      const { name } = from;
      if (name === undefined || isLower(name.text)) return [];
      const message = `Stage name '${name.text}' should be lowercase`;
      const fix = [{ span: name.span, text: name.text.toLowerCase() }];
      return { message, span: name.span, within: from.span, fix };
    }),
};

export const fromAsCasing: TextRule = {
  name: 'FromAsCasing',
  summary: "The 'as' keyword should match the case of the 'from' keyword",
  url: ruleUrl('from-as-casing'),
  why: 'FROM and AS belong together: `FROM … AS …` or `from … as …`, so that both are seen at a glance.',
  check: (file) => file.stages.flatMap(({ from }) => asCasing(file, from)),
};

function asCasing({ source }: Dockerfile, from: InstructionOf<'from'>): Finding[] {
  const { keyword, image, name } = from;
  if (name === undefined || (!isLower(keyword.text) && !isUpper(keyword.text))) return [];
  const start = image.span.end;
  const found = /(?<=\s)as(?=\s)/i.exec(source.text.slice(start, name.span.start));
  if (found === null || (isLower(keyword.text) ? isLower(found[0]) : isUpper(found[0]))) return [];
  const span = { start: start + found.index, end: start + found.index + 2 };
  const text = isLower(keyword.text) ? 'as' : 'AS';
  const message = `'${found[0]}' and '${keyword.text}' keywords' casing do not match`;
  return [{ message, span, within: from.span, fix: [{ span, text }] }];
}

export const consistentInstructionCasing: TextRule = {
  name: 'ConsistentInstructionCasing',
  summary: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
  url: ruleUrl('consistent-instruction-casing'),
  why: 'Instructions work in any case. One case in the whole file, by convention capitals, is easier to read and to search.',
  check(file) {
    const all = allInstructions(file).filter(({ kind }) => kind !== 'unset');
    const lower = all.filter(({ keyword }) => isLower(keyword.text)).length;
    const upper = all.filter(({ keyword }) => isUpper(keyword.text)).length;
    return all.flatMap((instruction) => keywordCasing(instruction, lower > upper));
  },
};

function keywordCasing({ keyword, span }: Instruction, wantLower: boolean): Finding[] {
  if (wantLower ? isLower(keyword.text) : isUpper(keyword.text)) return [];
  const casing = wantLower ? 'lowercase' : 'uppercase';
  const message = `Command '${keyword.text}' should match the case of the command majority (${casing})`;
  const text = wantLower ? keyword.text.toLowerCase() : keyword.text.toUpperCase();
  return [{ message, span: keyword.span, within: span, fix: [{ span: keyword.span, text }] }];
}
