import type { Dockerfile, Instruction, KeyValue, Word } from '../types.ts';
import { allInstructions, type Edit, type Finding, ruleUrl, type TextRule } from './rule.ts';

/** The source has it as it is: nothing was joined or removed in between. */
const isVerbatim = ({ text, span }: Word, { source }: Dockerfile): boolean =>
  source.text.slice(span.start, span.end) === text;

export const maintainerDeprecated: TextRule = {
  name: 'MaintainerDeprecated',
  summary: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  url: ruleUrl('maintainer-deprecated'),
  why: 'MAINTAINER sets a field that few tools show. The label `org.opencontainers.image.authors` says the same where it is looked for.',
  check: (file) =>
    allInstructions(file).flatMap((instruction) => {
      if (instruction.kind !== 'maintainer') return [];
      const { name, keyword, span } = instruction;
      const message = 'Maintainer instruction is deprecated in favor of using label';
      const author = name.text.replace(/^(["'])(.*)\1$/, '$2');
      const plain = isVerbatim(name, file) && !/["$\\`]/.test(author);
      const text = `${keyword.text === 'maintainer' ? 'label' : 'LABEL'} org.opencontainers.image.authors="${author}"`;
      return { message, span: keyword.span, within: span, fix: plain ? [{ span, text }] : undefined };
    }),
};

export const legacyKeyValueFormat: TextRule = {
  name: 'LegacyKeyValueFormat',
  summary: 'Legacy key/value format with whitespace separator should not be used',
  url: ruleUrl('legacy-key-value-format'),
  why: '`ENV name value` takes all that follows for the value, white space and further `name=value` included. `ENV name=value` says where a value ends, and takes several.',
  check: (file) =>
    allInstructions(file).flatMap((instruction) => {
      if (instruction.kind !== 'env' && instruction.kind !== 'label') return [];
      const [pair] = instruction.pairs;
      if (pair === undefined || hasEquals(pair, file)) return [];
      const { text } = instruction.keyword;
      const message = `"${text} key=value" should be used instead of legacy "${text} key value" format`;
      const span = { start: pair.name.span.start, end: pair.value.span.end };
      return { message, span, within: instruction.span, fix: joined(pair, file) };
    }),
};

const hasEquals = ({ name, value }: KeyValue, { source }: Dockerfile): boolean =>
  source.text.slice(name.span.end, value.span.start).includes('=') || source.text[name.span.end] === '=';

/** Only values that mean the same in quotes. */
function joined({ name, value }: KeyValue, file: Dockerfile): readonly Edit[] | undefined {
  if (!isVerbatim(name, file) || !isVerbatim(value, file) || /["'\\`]/.test(name.text)) return undefined;
  const span = { start: name.span.start, end: value.span.end };
  if (!/\s/.test(value.text)) return [{ span, text: `${name.text}=${value.text}` }];
  if (/["'\\`]/.test(value.text) || value.text.includes('${')) return undefined;
  return [{ span, text: `${name.text}="${value.text}"` }];
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS = /(?:_|^)(?:public|file|version)(?:_|$)/i;

export const secretsUsedInArgOrEnv: TextRule = {
  name: 'SecretsUsedInArgOrEnv',
  summary: 'Sensitive data should not be used in the ARG or ENV commands',
  url: ruleUrl('secrets-used-in-arg-or-env'),
  why: 'Values of ENV are in the configuration of the image, those of ARG in its history: whoever has the image has the secret. Use `RUN --mount=type=secret`, which leaves no trace.',
  check: (file) => [...file.globals, ...allInstructions(file)].flatMap(secretNames),
};

function secretNames(instruction: Instruction): Finding[] {
  const names =
    instruction.kind === 'arg'
      ? instruction.args.map(({ name }) => name)
      : instruction.kind === 'env'
        ? instruction.pairs.map(({ name }) => name)
        : [];
  return names.flatMap(({ text, span }) => {
    if (!SECRET.test(text) || HARMLESS.test(text)) return [];
    const what = `${instruction.kind.toUpperCase()} ${JSON.stringify(text)}`;
    const message = `Do not use ARG or ENV instructions for sensitive data (${what})`;
    return { message, span, within: instruction.span };
  });
}
