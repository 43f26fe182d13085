import {
  type CheckSettings,
  type Dockerfile,
  type Finding,
  parseCheckSettings,
  type RuleFacts,
  TEXT_RULES,
} from '../../dockerfile/index.ts';
import { SourceError } from '../../errors/index.ts';
import { PLAN_RULES } from './rules.ts';
import { type CheckOptions, walkStages } from './walk.ts';

/** After so many findings nobody reads on. */
const MAX_FINDINGS = 1000;

export type CheckResult = {
  /** In the order of the text. */
  readonly findings: readonly { readonly rule: RuleFacts; readonly finding: Finding }[];
  /** Findings are to make the build fail. */
  readonly error: boolean;
};

/**
 * All findings of a Dockerfile under the rules that it, or BUILDKIT_DOCKERFILE_CHECK, does not skip. Pure; never throws
 * for what is wrong with instructions.
 *
 * @throws SourceError DOCKERFILE_SYNTAX for a malformed `# check=`
 */
export function runChecks(file: Dockerfile, options: CheckOptions): CheckResult {
  const settings = settingsOf(file, options.buildArgs);
  const findings: { rule: RuleFacts; finding: Finding }[] = [];
  const add = (rule: RuleFacts, found: readonly Finding[]): void => {
    for (const finding of found) if (findings.length < MAX_FINDINGS) findings.push({ rule, finding });
  };
  for (const rule of TEXT_RULES) if (isOn(rule, settings)) add(rule, rule.check(file));
  const rules = PLAN_RULES.filter((rule) => isOn(rule, settings));
  walkStages(file, options, {
    from: (view) => rules.forEach((rule) => add(rule, rule.from?.(view) ?? [])),
    instruction: (view) => rules.forEach((rule) => add(rule, rule.instruction?.(view) ?? [])),
  });
  findings.sort((a, b) => a.finding.span.start - b.finding.span.start);
  return { findings, error: settings.error };
}

function isOn({ name, experimental }: RuleFacts, settings: CheckSettings): boolean {
  const named = (set: 'all' | ReadonlySet<string>): boolean => set === 'all' || set.has(name);
  return experimental === true ? named(settings.experimental) : !named(settings.skip);
}

function settingsOf(file: Dockerfile, buildArgs: Readonly<Record<string, string>>): CheckSettings {
  const given = buildArgs['BUILDKIT_DOCKERFILE_CHECK'];
  const { check } = file.directives;
  const at = {
    source: file.source,
    span: (given === undefined ? check?.span : undefined) ?? { start: 0, end: 0 },
  };
  return parseCheckSettings(
    given ?? check?.text ?? '',
    (message, details) => new SourceError('DOCKERFILE_SYNTAX', message, at, details),
  );
}
