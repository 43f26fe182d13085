import type { MountFlag, Word } from '../dockerfile/index.ts';
import { quoted, SourceError, type SourceRange, type Span, suggest } from '../errors/index.ts';
import type { StageState } from './stage-state.ts';

export type MountType = 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
const TYPES: readonly MountType[] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];

/** Options by every name they have. */
const NAMES = {
  type: 'type',
  from: 'from',
  source: 'source',
  src: 'source',
  target: 'target',
  dst: 'target',
  destination: 'target',
  readonly: 'readonly',
  ro: 'readonly',
  readwrite: 'readwrite',
  rw: 'readwrite',
  id: 'id',
  sharing: 'sharing',
  required: 'required',
  mode: 'mode',
  uid: 'uid',
  gid: 'gid',
  size: 'size',
  env: 'env',
} as const;
type Option = (typeof NAMES)[keyof typeof NAMES];

/** Options that have a meaning without a value. */
const BARE: ReadonlySet<Option> = new Set(['readonly', 'readwrite', 'required']);

/** What each type takes. */
const TAKES: Readonly<Record<MountType, readonly Option[]>> = {
  bind: ['from', 'source', 'target', 'readonly', 'readwrite'],
  cache: ['id', 'from', 'source', 'target', 'readonly', 'readwrite', 'sharing', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size', 'readonly', 'readwrite'],
  secret: ['id', 'source', 'target', 'env', 'required', 'mode', 'uid', 'gid', 'readonly'],
  ssh: ['id', 'target', 'required', 'mode', 'uid', 'gid', 'readonly'],
};

/** What BuildKit passes over where it has no meaning: a Dockerfile that has it builds all the same. */
const PASSED_OVER: ReadonlySet<Option> = new Set(['id', 'from', 'source', 'env', 'readonly', 'readwrite']);

type Given = { readonly name: string; readonly value: string | undefined; readonly span: Span };

/** The options of one `--mount`, variables replaced, of which the last of each name counts. */
export class MountOptions {
  readonly type: MountType;
  /** Of the whole flag. */
  readonly at: SourceRange;
  readonly #state: StageState;
  readonly #given = new Map<Option, Given>();

  /** `fromLookup` replaces the variables of `from=`. @throws SourceError DOCKERFILE_BAD_FLAG */
  constructor(
    flag: MountFlag,
    {
      state,
      expandFrom,
      warn,
    }: {
      readonly state: StageState;
      readonly expandFrom: (word: Word) => string;
      readonly warn: (message: string, at: SourceRange) => void;
    },
  ) {
    this.#state = state;
    this.at = state.at(flag.span);
    const lookup = state.lookup();
    for (const { key, value, span } of flag.options) {
      const option = this.#optionNamed(key, span);
      if (value === undefined && !BARE.has(option))
        throw this.#bad(`${key} needs a value`, span, `write ${key}=VALUE`);
      const word = value === undefined ? undefined : { text: value, span };
      const expanded = word && (option === 'from' ? expandFrom(word) : state.expand(word, lookup));
      this.#given.set(option, { name: key, value: expanded, span });
    }
    this.type = this.#readType();
    this.#checkApplicable(warn);
  }

  has(option: Option): boolean {
    return this.#given.has(option);
  }

  /** The text of an option; `undefined` where it is not given, or empty. */
  text(option: Option): string | undefined {
    return this.#given.get(option)?.value || undefined;
  }

  /** The place of an option, or of the flag where it is not given. */
  span(option: Option): Span {
    return this.#given.get(option)?.span ?? this.at.span;
  }

  /** `ro` and `rw` in the order written: the last one counts. */
  readonly(fallback: boolean): boolean {
    const names = [...this.#given.keys()].filter((one) => one === 'readonly' || one === 'readwrite');
    const last = names.at(-1);
    if (last === undefined) return fallback;
    return this.flag(last) === (last === 'readonly');
  }

  /** A boolean as Go reads it; true where it has no value, false where it is not given. */
  flag(option: 'readonly' | 'readwrite' | 'required'): boolean {
    const given = this.#given.get(option);
    if (given === undefined) return false;
    const { name, value, span } = given;
    if (value === undefined || /^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
    if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false;
    throw this.#bad(
      `${name} cannot be ${quoted(value)}`,
      span,
      `write ${name}, ${name}=true or ${name}=false`,
    );
  }

  /** @throws SourceError DOCKERFILE_BAD_FLAG */
  oneOf<T extends string>(option: Option, choices: readonly T[]): T | undefined {
    const given = this.#given.get(option);
    if (given?.value === undefined || given.value === '') return undefined;
    const found = choices.find((choice) => choice === given.value?.toLowerCase());
    if (found !== undefined) return found;
    const near = suggest(given.value, choices);
    const hint = near === undefined ? `expected ${choices.join(', ')}` : `did you mean ${near}?`;
    throw this.#bad(`a mount cannot have the ${option} ${quoted(given.value)}`, given.span, hint);
  }

  /** uid and gid in decimal, mode in octal. @throws SourceError DOCKERFILE_BAD_FLAG */
  number(option: 'uid' | 'gid' | 'mode'): number | undefined {
    const given = this.#given.get(option);
    if (given?.value === undefined) return undefined;
    const [form, radix, limit] =
      option === 'mode'
        ? ([/^[0-7]{1,16}$/, 8, 0o7777] as const)
        : ([/^\d{1,16}$/, 10, 0xffff_fffe] as const);
    const value = form.test(given.value) ? Number.parseInt(given.value, radix) : Number.NaN;
    if (value <= limit) return value;
    const hint = option === 'mode' ? 'expected octal digits, such as 0755' : 'expected a number, not a name';
    throw this.#bad(`${option} cannot be ${quoted(given.value)}`, given.span, hint);
  }

  /** Bytes, with a unit of 1024s: `64m`, `1.5GiB`. Source: github.com/docker/go-units, RAMInBytes. */
  bytes(option: 'size'): number | undefined {
    const given = this.#given.get(option);
    if (given?.value === undefined) return undefined;
    const match = /^(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)(?:i?b)?$/i.exec(given.value);
    const power = 'kmgtp'.indexOf((match?.[2] || '-').toLowerCase()) + 1;
    const value = match?.[1] === undefined ? Number.NaN : Math.floor(Number(match[1]) * 1024 ** power);
    if (Number.isSafeInteger(value)) return value;
    throw this.#bad(
      `${option} cannot be ${quoted(given.value)}`,
      given.span,
      'expected bytes, such as 64m or 1g',
    );
  }

  error(message: string, option: Option, hint: string): SourceError {
    return this.#bad(message, this.span(option), hint);
  }

  #bad(message: string, span: Span, hint: string): SourceError {
    return new SourceError('DOCKERFILE_BAD_FLAG', message, this.#state.at(span), { hint });
  }

  #optionNamed(key: string, span: Span): Option {
    if (Object.hasOwn(NAMES, key)) return NAMES[key as keyof typeof NAMES];
    const near = suggest(key, Object.keys(NAMES));
    const hint =
      near === undefined
        ? `the options are ${[...new Set(Object.values(NAMES))].join(', ')}`
        : `did you mean ${near}?`;
    throw this.#bad(`--mount has no option ${quoted(key)}`, span, hint);
  }

  #readType(): MountType {
    return this.oneOf('type', TYPES) ?? 'bind';
  }

  #checkApplicable(warn: (message: string, at: SourceRange) => void): void {
    for (const [option, { name, span }] of this.#given) {
      if (option === 'type' || TAKES[this.type].includes(option)) continue;
      // A secret from a stage would end up in an image: nobody means that
      const refused =
        !PASSED_OVER.has(option) ||
        (this.type === 'secret' && option === 'from') ||
        (this.type === 'ssh' && option === 'source');
      const takers = TYPES.filter((type) => TAKES[type].includes(option));
      const hint = `${name} is for mounts of type ${takers.join(', ')}`;
      if (refused) throw this.#bad(`a mount of type ${this.type} has no ${name}`, span, hint);
      warn(`a mount of type ${this.type} has no ${name}: it is passed over`, this.#state.at(span));
    }
  }
}
