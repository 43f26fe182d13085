import { describe, expect, test } from 'vitest';
import { applyEdits, type Dockerfile, parseDockerfile } from '../../dockerfile/index.ts';
import { SourceError } from '../../errors/index.ts';
import { imageWith } from '../test-plan.ts';
import { type BadExample, EXAMPLES } from './examples.ts';
import { RULES } from './rules.ts';
import { type CheckResult, runChecks } from './run-checks.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const images = new Map([
  ['debian', imageWith({ Env: ['PATH=/bin'] })],
  ['arm-only', { ...imageWith({}), architecture: 'arm64' }],
]);

const parse = (text: string): Dockerfile => parseDockerfile({ name: 'Dockerfile', text });

function check(text: string, more: Partial<BadExample> = {}): CheckResult {
  const { args = {}, ignored = [], selected } = more;
  return runChecks(parse(text), {
    buildArgs: args,
    platform: amd64,
    buildPlatform: amd64,
    image: (reference) => images.get(reference),
    ignored: (path) => ignored.includes(path),
    ...(selected && { selected: () => selected.map((path) => ({ path, secret: false })) }),
  });
}

const messagesOf = (name: string, { findings }: CheckResult): string[] =>
  findings.flatMap(({ rule, finding }) => (rule.name === name ? finding.message : []));

/** Makes the repairs of one rule until none is left, as `--fix` does. */
function fixed(name: string, text: string, more: Partial<BadExample>): string {
  const edits = check(text, more).findings.flatMap(({ rule, finding }) =>
    rule.name === name ? (finding.fix ?? []) : [],
  );
  return edits.length === 0 ? text : fixed(name, applyEdits(text, edits), more);
}

test('every rule has examples of either kind, and no other has', () => {
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(RULES.map(({ name }) => name).toSorted());
});

test('there are the 22 rules of BuildKit, and ours', () => {
  expect(RULES.filter(({ own }) => own !== true)).toHaveLength(22);
  expect(RULES.filter(({ own }) => own === true).length).toBeGreaterThanOrEqual(5);
});

describe.for(Object.entries(EXAMPLES))('%s', ([name, { bad, good }]) => {
  test.for(bad)('is told: $text', (example) => {
    const result = check(example.text, example);
    expect(messagesOf(name, result)).toEqual(example.messages);
    for (const { finding } of result.findings) {
      expect(finding.span.end).toBeGreaterThan(finding.span.start - 1);
      expect(finding.within.start).toBeLessThanOrEqual(finding.span.start);
    }
  });
  test.for(bad)('is repaired where that is safe: $text', (example) => {
    const once = fixed(name, example.text, example);
    expect(once).toBe(example.fixed ?? example.text);
    expect(fixed(name, once, example)).toBe(once);
  });
  test.for(good)('is not told: %s', (text) => {
    expect(messagesOf(name, check(text))).toEqual([]);
  });
});

describe('settings', () => {
  const bad = 'FROM alpine AS Build\nCMD a\n';
  test.for<{ name: string; text: string; args?: Record<string, string>; want: string[]; error?: boolean }>([
    { name: 'all hold', text: bad, want: ['StageNameCasing', 'JSONArgsRecommended'] },
    { name: 'one is skipped', text: `# check=skip=StageNameCasing\n${bad}`, want: ['JSONArgsRecommended'] },
    { name: 'several are', text: `# check=skip= StageNameCasing , JSONArgsRecommended\n${bad}`, want: [] },
    { name: 'all are', text: `# check=skip=all\n${bad}`, want: [] },
    { name: 'error', text: `# check=error=true;skip=all\n${bad}`, want: [], error: true },
    {
      name: 'experimental ones are asked for',
      text: `# check=skip=all;experimental=InvalidDefinitionDescription;error=1\n# x\n${bad}`,
      want: ['InvalidDefinitionDescription'],
      error: true,
    },
    {
      name: 'the build argument counts more',
      text: `# check=skip=all\n${bad}`,
      args: { BUILDKIT_DOCKERFILE_CHECK: 'skip=StageNameCasing;error=true' },
      want: ['JSONArgsRecommended'],
      error: true,
    },
  ])('$name', ({ text, args, want, error = false }) => {
    const result = check(text, args ? { args } : {});
    expect(result.findings.map(({ rule }) => rule.name)).toEqual(want);
    expect(result.error).toBe(error);
  });

  test.for([
    ['skip', 'check has no option "skip"'],
    ['skp=all', 'check has no option "skp=all"'],
    ['error=yes', 'check cannot have error="yes"'],
  ] as const)('a malformed one: %s', ([text, message]) => {
    expect(() => check(`# check=${text}\nFROM alpine`)).toThrow(SourceError);
    expect(() => check(`# check=${text}\nFROM alpine`)).toThrow(message);
  });
});

test('only stages that the target reaches are looked into', () => {
  const text =
    'FROM alpine AS a\nENV x=$u\nFROM a AS b\nFROM scratch AS c\nCOPY $v /\nFROM scratch AS d\nRUN --mount=from=c true\nFROM scratch\nCOPY $w /';
  const told = (target?: string): string[] =>
    runChecks(parse(text), {
      buildArgs: {},
      platform: amd64,
      buildPlatform: amd64,
      target,
      image: () => imageWith({}),
    }).findings.flatMap(({ rule, finding }) =>
      rule.name === 'UndefinedVar' ? finding.message.slice(-2, -1) : [],
    );
  expect(told()).toEqual(['u', 'v', 'w']);
  expect(told('b')).toEqual(['u']);
  expect(told('d')).toEqual(['v']);
});
