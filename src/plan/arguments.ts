import type { Dockerfile, InstructionOf, Word } from '../dockerfile/index.ts';
import { expandWord } from '../dockerfile/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';

/**
 * Arguments every build has without declaring them. Commands see them, but they never enter history or keys.
 * Source: Dockerfile reference, "Predefined ARGs".
 */
const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
const PREDEFINED: ReadonlySet<string> = new Set(PROXY_NAMES.flatMap((name) => [name, name.toLowerCase()]));

export type Lookup = (name: string) => string | undefined;

/** Dockerfile reference, "Automatic platform ARGs in the global scope". */
function platformArguments(prefix: 'TARGET' | 'BUILD', platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

export type ArgumentOptions = {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly target?: string | undefined;
};

/** Values before the first FROM: what FROM sees, and what a stage gets for an ARG without a default. */
export class GlobalArguments {
  readonly #values: Map<string, string | undefined>;
  readonly #given: Readonly<Record<string, string>>;

  constructor(file: Dockerfile, options: ArgumentOptions) {
    this.#given = options.buildArgs;
    this.#values = new Map([
      ...platformArguments('TARGET', options.platform),
      ...platformArguments('BUILD', options.buildPlatform),
      ['TARGETSTAGE', options.target ?? 'default'],
    ]);
    for (const [name] of this.#values) {
      const value = this.given(name);
      if (value !== undefined) this.#values.set(name, value);
    }
    for (const instruction of file.globals) this.#declare(file, instruction);
  }

  readonly lookup: Lookup = (name) => this.#values.get(name);

  /** The value given by the caller (`--build-arg`), whether declared or not. */
  given(name: string): string | undefined {
    return Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
  }

  /** Arguments the caller gave that need no declaration: proxies. */
  predefined(): [string, string][] {
    return Object.entries(this.#given).filter(([name]) => PREDEFINED.has(name));
  }

  #declare(file: Dockerfile, instruction: InstructionOf<'arg'>): void {
    for (const { name, value } of instruction.args) {
      const key = expandWord(name, this.lookup, file);
      const fallback = value === undefined ? this.#values.get(key) : expandWord(value, this.lookup, file);
      this.#values.set(key, this.given(key) ?? fallback);
    }
  }
}

/** The ARGs declared in a stage so far. Stages based on it inherit them. */
export class StageArguments {
  readonly #globals: GlobalArguments;
  readonly #values: Map<string, string | undefined>;

  constructor(globals: GlobalArguments, inherited?: StageArguments) {
    this.#globals = globals;
    this.#values = new Map(inherited === undefined ? [] : inherited.#values);
  }

  /** `fallback` is the default after expansion, absent where the instruction has none. */
  declare(name: string, fallback: string | undefined): void {
    this.#values.set(name, this.#globals.given(name) ?? fallback ?? this.#globals.lookup(name));
  }

  readonly lookup: Lookup = (name) =>
    this.#values.get(name) ?? (PREDEFINED.has(name) ? this.#globals.given(name) : undefined);

  /** Declared arguments with a value, in order of declaration; without proxies unless these are declared. */
  visible(): [string, string][] {
    return [...this.#values].filter((pair): pair is [string, string] => pair[1] !== undefined);
  }

  /** Proxies that no ARG declares. */
  hidden(): [string, string][] {
    return this.#globals.predefined().filter(([name]) => this.#values.get(name) === undefined);
  }
}

/** Every variable name an ARG of this file declares, for suggestions. */
export function declaredNames(file: Dockerfile): Set<string> {
  const names = new Set<string>();
  const add = (args: readonly { readonly name: Word }[]): void => {
    for (const { name } of args) names.add(name.text);
  };
  for (const instruction of file.globals) add(instruction.args);
  for (const stage of file.stages) {
    for (const instruction of stage.instructions) if (instruction.kind === 'arg') add(instruction.args);
  }
  return names;
}
