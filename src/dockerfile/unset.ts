import { quoted, type SourceError, suggest } from '../errors/index.ts';
import type { ParseContext } from './parse-context.ts';
import type { Instruction, InstructionOf, Unset } from './types.ts';

/** What can be taken back, and whether it has parts with names: `# lapidary: unset=VOLUME /data`. */
const KINDS: Readonly<Record<Unset['setting'], 'named' | 'whole'>> = {
  env: 'named',
  label: 'named',
  volume: 'named',
  expose: 'named',
  healthcheck: 'whole',
  entrypoint: 'whole',
  cmd: 'whole',
  user: 'whole',
  workdir: 'whole',
  stopsignal: 'whole',
  shell: 'whole',
  onbuild: 'whole',
  maintainer: 'whole',
};

export const UNSETTABLE: readonly Unset['setting'][] = Object.keys(KINDS) as Unset['setting'][];

const isSetting = (text: string): text is Unset['setting'] => Object.hasOwn(KINDS, text);

/** `KIND` or, separated as said, `KIND NAME`. What is wrong with it comes back as a message and a hint. */
export function parseUnset(text: string, separator: ' ' | '='): Unset | { message: string; hint: string } {
  const [, kind = '', name] =
    (separator === ' ' ? /^(\S*)(?:\s+(\S.*))?$/s : /^([^=]*)(?:=(.*))?$/s).exec(text) ?? [];
  const setting = kind.toLowerCase();
  if (!isSetting(setting)) {
    const near = suggest(setting.slice(0, 40), UNSETTABLE);
    const all = `expected one of ${UNSETTABLE.join(', ')}`;
    return {
      message: `${quoted(kind)} cannot be unset`,
      hint: near === undefined ? all : `did you mean ${near}?`,
    };
  }
  if (name === undefined) return { setting };
  if (KINDS[setting] === 'whole' || name === '') {
    const hint = name === '' ? `name one, or write ${setting} alone for all` : `write ${setting} alone`;
    return { message: `${quoted(setting)} cannot be unset for ${quoted(name)}`, hint };
  }
  return { setting, name };
}

const OURS = /^(\s*#\s*lapidary:\s*)([a-z]*)(\s*=\s*)?(.*?)\s*$/i;

/**
 * A comment that speaks to this builder alone: `# lapidary: unset=KIND [NAME]` takes back configuration at its place in
 * a stage. `undefined` for any other comment.
 * @throws SourceError DOCKERFILE_SYNTAX for one that says nothing known
 */
export function parseOwnDirective(
  text: string,
  start: number,
  context: ParseContext,
): InstructionOf<'unset'> | undefined {
  const [, lead = '', word = '', equals = '', rest = ''] = OURS.exec(text) ?? [];
  if (lead === '') return undefined;
  const at = start + lead.length;
  const value = { text: rest, span: { start: at + word.length + equals.length, end: start + text.length } };
  if (word.toLowerCase() !== 'unset' || equals === '') throw unknown(text.slice(lead.length), at, context);
  const unset = parseUnset(rest, ' ');
  if ('message' in unset)
    throw context.error('DOCKERFILE_SYNTAX', unset.message, value.span, { hint: unset.hint });
  return {
    kind: 'unset',
    ...unset,
    span: { start: start + text.length - text.trimStart().length, end: start + text.trimEnd().length },
    keyword: { text: word, span: { start: at, end: at + word.length } },
    text: `# lapidary: unset=${unset.setting.toUpperCase()}${unset.name === undefined ? '' : ` ${unset.name}`}`,
  } satisfies Instruction;
}

function unknown(text: string, start: number, { error }: ParseContext): SourceError {
  const span = { start, end: start + text.length };
  return error('DOCKERFILE_SYNTAX', `there is no directive of lapidary ${quoted(text)}`, span, {
    hint: 'such as # lapidary: unset=VOLUME /data',
  });
}
