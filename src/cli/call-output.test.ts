import { describe, expect, test } from 'vitest';
import type { CheckReport } from '../build/index.ts';
import { SourceError } from '../errors/index.ts';
import { checkJson, checkText, outlineJson, outlineText, targetsJson, targetsText } from './call-output.ts';

const source = { name: 'Dockerfile', text: 'FROM alpine AS Build\nRUN a \\\n  b\nCMD \u001b[2J\n' };
const span = { start: 15, end: 20 };
const rule = {
  name: 'StageNameCasing',
  summary: 'Stage names should be lowercase',
  url: 'https://x/',
  why: '',
};
const finding = { message: "Stage name 'Build' should be lowercase", span, within: { start: 0, end: 20 } };
const report: CheckReport = { source, findings: [{ rule, finding }], error: false, failures: [], fixed: [] };
const data = Buffer.from(source.text).toString('base64');
const ranges = [{ start: { line: 1 }, end: { line: 1 } }];

describe('check', () => {
  test('JSON is what buildx prints', () => {
    expect(JSON.parse(checkJson(report))).toEqual({
      warnings: [
        {
          ruleName: 'StageNameCasing',
          description: 'Stage names should be lowercase',
          url: 'https://x/',
          detail: "Stage name 'Build' should be lowercase",
          location: { ranges },
        },
      ],
      sources: [{ filename: 'Dockerfile', language: 'Dockerfile', data }],
    });
  });

  test('what makes a build fail is a build error', () => {
    const failure = new SourceError('DOCKERFILE_SYNTAX', 'wrong', { source, span: { start: 21, end: 32 } });
    expect(JSON.parse(checkJson({ ...report, findings: [], failures: [failure] }))).toMatchObject({
      warnings: [],
      buildError: { message: 'wrong', location: { ranges: [{ start: { line: 2 }, end: { line: 3 } }] } },
    });
    expect(checkText({ ...report, failures: [failure] }, false)).toContain(failure.render());
  });

  test('text: what was repaired, how many, and each with its lines', () => {
    const within = { start: 21, end: 32 };
    const second = {
      rule: { ...rule, name: 'Other' },
      finding: { ...finding, span: within, within, hint: 'so' },
    };
    expect(checkText({ ...report, findings: [...report.findings, second], fixed: ['x'] }, false)).toBe(
      [
        'fixed x',
        'Check complete, 2 warnings have been found!',
        '',
        'WARNING: StageNameCasing - https://x/',
        "Stage name 'Build' should be lowercase",
        'Dockerfile:1',
        '--------------------',
        '   1 | >>> FROM alpine AS Build',
        '   2 |     RUN a \\',
        '   3 |       b',
        '--------------------',
        '',
        'WARNING: Other - https://x/',
        "Stage name 'Build' should be lowercase",
        'Dockerfile:2',
        '--------------------',
        '   1 |     FROM alpine AS Build',
        '   2 | >>> RUN a \\',
        '   3 | >>>   b',
        '   4 |     CMD \\u{1b}[2J',
        '--------------------',
        'hint: so',
        '',
      ].join('\n'),
    );
    expect(checkText({ ...report, findings: [] }, false)).toBe('Check complete, no warnings found.\n');
  });
});

test('outline', () => {
  const outline = {
    name: 'build',
    args: [{ name: 'V', value: '1', description: 'is', span }],
    secrets: [{ name: 's', required: true, span }],
    ssh: [{ name: 'default', required: false, span }],
  };
  expect(JSON.parse(outlineJson(source, outline))).toEqual({
    name: 'build',
    args: [{ name: 'V', value: '1', description: 'is', location: { ranges } }],
    secrets: [{ name: 's', required: true, location: { ranges } }],
    ssh: [{ name: 'default', location: { ranges } }],
    sources: [data],
  });
  const text = outlineText(outline);
  for (const part of [/^TARGET: +build$/m, /^V +1 +is$/m, /^s +true$/m, /^default/m])
    expect(text).toMatch(part);
});

test('targets', () => {
  const targets = [
    { name: 'a', default: false, description: 'does', base: 'x', platform: '$P', span },
    { default: true, base: 'a', span },
  ];
  expect(JSON.parse(targetsJson(source, targets))).toEqual({
    targets: [
      { name: 'a', description: 'does', base: 'x', platform: '$P', location: { ranges } },
      { base: 'a', default: true, location: { ranges } },
    ],
    sources: [data],
  });
  expect(targetsText(targets)).toMatch(/^a +does\n\(default\)/m);
});
