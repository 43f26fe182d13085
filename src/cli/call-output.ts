import { styleText } from 'node:util';
import type { CheckReport, DockerfileTarget, Outline } from '../build/index.ts';
import { linesOf, positionOf, printable, type Source, type SourceError, type Span } from '../errors/index.ts';
import { alignColumns } from './table.ts';

/** JSON as buildx prints it. Source: BuildKit, frontend/subrequests; solver/pb. */
type Location = {
  readonly ranges: readonly { readonly start: { line: number }; readonly end: { line: number } }[];
};

function locationOf(source: Source, span: Span): Location {
  const { start, end } = linesOf({ source, span });
  return { ranges: [{ start: { line: start }, end: { line: end } }] };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export function checkJson({ source, findings, failures }: CheckReport): string {
  const [failure] = failures;
  return json({
    warnings: findings.map(({ rule, finding }) => ({
      ruleName: rule.name,
      description: rule.summary,
      ...(rule.url === undefined ? {} : { url: rule.url }),
      detail: finding.message,
      location: locationOf(source, finding.within),
    })),
    sources: [{ filename: source.name, language: 'Dockerfile', data: base64(source.text) }],
    ...(failure && {
      buildError: { message: failure.message, location: locationOf(failure.at.source, failure.at.span) },
    }),
  });
}

export function outlineJson(source: Source, { name, description, args, secrets, ssh }: Outline): string {
  const placed = ({ span, ...rest }: { readonly span: Span }): unknown => ({
    ...rest,
    location: locationOf(source, span),
  });
  const mounts = (list: Outline['ssh']): unknown[] =>
    list.map(({ required, ...rest }) => placed({ ...rest, ...(required ? { required } : {}) }));
  return json({
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(args.length === 0 ? {} : { args: args.map(placed) }),
    ...(secrets.length === 0 ? {} : { secrets: mounts(secrets) }),
    ...(ssh.length === 0 ? {} : { ssh: mounts(ssh) }),
    sources: [base64(source.text)],
  });
}

export function targetsJson(source: Source, targets: readonly DockerfileTarget[]): string {
  return json({
    targets: targets.map(({ span, default: isDefault, ...rest }) => ({
      ...rest,
      ...(isDefault ? { default: true } : {}),
      location: locationOf(source, span),
    })),
    sources: [base64(source.text)],
  });
}

export function targetsText(targets: readonly DockerfileTarget[]): string {
  const rows = targets.map(({ name, default: isDefault, description = '' }) => [
    printable(isDefault ? `${name ?? ''} (default)`.trim() : (name ?? '')),
    printable(description),
  ]);
  return alignColumns([['TARGET', 'DESCRIPTION'], ...rows]);
}

export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [
    ...(name === undefined ? [] : [`TARGET:      ${printable(name)}`]),
    ...(description === undefined ? [] : [`DESCRIPTION: ${printable(description)}`]),
  ];
  const rows = args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? ''].map(printable));
  const tables = [
    rows.length === 0 ? '' : alignColumns([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...rows]),
    mountTable('SECRET', secrets),
    mountTable('SSH', ssh),
  ];
  return [head.length === 0 ? '' : `${head.join('\n')}\n`, ...tables].filter((one) => one !== '').join('\n');
}

function mountTable(title: string, list: Outline['ssh']): string {
  return list.length === 0
    ? ''
    : alignColumns([
        [title, 'REQUIRED'],
        ...list.map((one) => [printable(one.name), one.required ? 'true' : '']),
      ]);
}

export function checkText({ source, findings, failures, fixed }: CheckReport, colour: boolean): string {
  const count = findings.length;
  const summary =
    count === 0
      ? 'Check complete, no warnings found.'
      : `Check complete, ${count === 1 ? '1 warning has' : `${count} warnings have`} been found!`;
  const head = (text: string): string =>
    colour ? styleText('yellow', text, { validateStream: false }) : text;
  const blocks = findings.map(({ rule, finding }) =>
    [
      head(`WARNING: ${rule.name}${rule.url === undefined ? '' : ` - ${rule.url}`}`),
      printable(finding.message),
      ...frame(source, finding.within),
      ...(finding.hint === undefined ? [] : [`hint: ${printable(finding.hint)}`]),
    ].join('\n'),
  );
  const errors = failures.map((error: SourceError) => error.render());
  const repaired = fixed.map((line) => `fixed ${printable(line)}`);
  return `${[...repaired, summary, ...blocks.map((one) => `\n${one}`), ...errors.map((one) => `\n${one}`)].join('\n')}\n`;
}

const RULE_LINE = '--------------------';

/** Some lines of a source, those of the span marked, as buildx shows them. */
function frame(source: Source, span: Span): string[] {
  const lines = source.text.split(/\r?\n/);
  const marked = linesOf({ source, span });
  const around = marked.start === marked.end ? 2 : 1;
  const first = Math.max(1, marked.start - around);
  const last = Math.min(lines.length, marked.end + around);
  const shown = lines.slice(first - 1, last).map((text, i) => {
    const line = first + i;
    const mark = line >= marked.start && line <= marked.end ? '>>>' : '   ';
    return ` ${String(line).padStart(3)} | ${mark} ${printable(text)}`.trimEnd();
  });
  const { line } = positionOf({ source, span });
  return [`${printable(source.name)}:${line}`, RULE_LINE, ...shown, RULE_LINE];
}
