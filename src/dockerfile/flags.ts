import { quoted, type SourceError, suggest } from '../errors/index.ts';
import type { ParseContext } from './parse-context.ts';
import type { Cursor } from './tokens.ts';
import type { InstructionKind, Word } from './types.ts';

/** How often a flag may stand, and whether it needs a value. */
type FlagShape = 'value' | 'values' | 'bool';

/** Every flag of every instruction. Source: Dockerfile reference, and `--closure`, which is ours. */
export const INSTRUCTION_FLAGS: Readonly<Record<InstructionKind, Readonly<Record<string, FlagShape>>>> = {
  from: { platform: 'value' },
  run: { mount: 'values', network: 'value', security: 'value', device: 'values' },
  copy: {
    from: 'value',
    chown: 'value',
    chmod: 'value',
    link: 'bool',
    parents: 'bool',
    closure: 'bool',
    exclude: 'values',
  },
  add: {
    chown: 'value',
    chmod: 'value',
    link: 'bool',
    exclude: 'values',
    checksum: 'value',
    'keep-git-dir': 'bool',
    unpack: 'bool',
  },
  healthcheck: {
    interval: 'value',
    timeout: 'value',
    'start-period': 'value',
    'start-interval': 'value',
    retries: 'value',
  },
  arg: {},
  env: {},
  label: {},
  cmd: {},
  entrypoint: {},
  workdir: {},
  user: {},
  expose: {},
  volume: {},
  stopsignal: {},
  shell: {},
  maintainer: {},
  onbuild: {},
};

export type Flag = { readonly name: string; readonly word: Word; readonly value: Word | undefined };

export class Flags {
  readonly #flags: readonly Flag[];
  readonly #context: ParseContext;

  constructor(flags: readonly Flag[], context: ParseContext) {
    this.#flags = flags;
    this.#context = context;
  }

  /** Without its quotes and escapes, as expansion comes later. An empty value is none. */
  value(name: string): Word | undefined {
    const word = this.values(name)[0];
    return word?.text === '' ? undefined : word;
  }

  /** The same for one that may stand several times. A mount is left as written: its fields have quotes of their own. */
  values(name: string): Word[] {
    const words = this.#flags.flatMap((flag) => (flag.name === name && flag.value ? flag.value : []));
    if (name === 'mount') return words;
    return words.map(({ text, span }) => ({ text: this.#unquoted(text), span }));
  }

  /** `undefined` when the flag is not there. @throws SourceError DOCKERFILE_BAD_FLAG */
  bool(name: string): boolean | undefined {
    const flag = this.#flags.find((one) => one.name === name);
    if (flag === undefined) return undefined;
    const text = this.#unquoted(flag.value?.text ?? 'true').toLowerCase();
    if (text === 'true' || text === 'false') return text === 'true';
    throw this.#context.error('DOCKERFILE_BAD_FLAG', `--${name} cannot be ${quoted(text)}`, flag.word.span, {
      hint: `write --${name}, --${name}=true or --${name}=false`,
    });
  }

  /** Quotes of either kind go, and the escape character from before any other. */
  #unquoted(text: string): string {
    const { escape } = this.#context;
    let [out, quote] = ['', ''];
    for (let at = 0; at < text.length; at++) {
      const char = text[at] ?? '';
      if (char === escape) out += text[++at] ?? '';
      else if (char === quote) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else out += char;
    }
    return out;
  }
}

/**
 * The flags at the front of an instruction's arguments.
 * @throws SourceError DOCKERFILE_UNKNOWN_FLAG, DOCKERFILE_BAD_FLAG
 */
export function readFlags(cursor: Cursor, kind: InstructionKind, context: ParseContext): Flags {
  const flags: Flag[] = [];
  for (;;) {
    cursor.skipSpace();
    if (!cursor.line.text.startsWith('--', cursor.at)) break;
    const start = cursor.at;
    const word = cursor.quotedWord();
    if (word.text === '--') break;
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals < 0 ? undefined : equals);
    const value = equals < 0 ? undefined : cursor.slice(start + equals + 1);
    flags.push({ name, word, value });
    checkFlag(kind, flags, context);
  }
  return new Flags(flags, context);
}

function checkFlag(kind: InstructionKind, flags: readonly Flag[], context: ParseContext): void {
  const flag = flags.at(-1);
  if (flag === undefined) return;
  const shapes = INSTRUCTION_FLAGS[kind];
  const shape = Object.hasOwn(shapes, flag.name) ? shapes[flag.name] : undefined;
  const at = flag.word.span;
  if (shape === undefined) throw unknownFlag(kind, flag, context);
  if (flag.value === undefined ? shape !== 'bool' : shape === 'bool' && flag.value.text === '') {
    throw context.error('DOCKERFILE_BAD_FLAG', `--${flag.name} needs a value`, at, {
      hint: `write --${flag.name}=VALUE`,
    });
  }
  if (shape !== 'values' && flags.filter((one) => one.name === flag.name).length > 1) {
    throw context.error('DOCKERFILE_BAD_FLAG', `--${flag.name} is given twice`, at, {
      hint: 'remove one of them',
    });
  }
}

function unknownFlag(kind: InstructionKind, { name, word }: Flag, context: ParseContext): SourceError {
  const keyword = kind.toUpperCase();
  const known = Object.keys(INSTRUCTION_FLAGS[kind]);
  const near = suggest(name.slice(0, 80), known);
  const all =
    known.length === 0
      ? `${keyword} has no flags`
      : `its flags are ${known.map((one) => `--${one}`).join(', ')}`;
  const end = word.span.start + 2 + name.length;
  const span = { start: word.span.start, end };
  return context.error('DOCKERFILE_UNKNOWN_FLAG', `${keyword} has no flag --${name.slice(0, 80)}`, span, {
    hint: near === undefined ? all : `did you mean --${near}?`,
  });
}
