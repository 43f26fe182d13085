import type { Dockerfile, InstructionOf, Word } from '../dockerfile/index.ts';
import { expandWord } from '../dockerfile/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';

/**
 * Arguments every build has without declaring them. Commands see them, but they never enter history or keys, and
 * expansion does not see them unless they are declared.
 * Source: Dockerfile reference, "Predefined ARGs".
 */
const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
const PREDEFINED: ReadonlySet<string> = new Set(PROXY_NAMES.flatMap((name) => [name, name.toLowerCase()]));

/** Arguments that speak to the builder and are no variables of commands. */
const NOT_IN_ENVIRONMENT: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);

export type Lookup = (name: string) => string | undefined;

/** Dockerfile reference, "Automatic platform ARGs in the global scope". */
function platformArguments(prefix: 'TARGET' | 'BUILD', platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
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
      ['TARGETSTAGE', options.target ?? file.stages.at(-1)?.name ?? 'default'],
    ]);
    for (const [name] of this.#values) {
      const value = this.given(name);
      if (value !== undefined) this.#values.set(name, value);
    }
    for (const instruction of file.globals) this.#declare(file, instruction);
  }

  readonly lookup: Lookup = (name) => this.#values.get(name);

  /** All that is declared or automatic, with a value or not. */
  names(): Iterable<string> {
    return this.#values.keys();
  }

  /** The value given by the caller (`--build-arg`), whether declared or not. */
  given(name: string): string | undefined {
    return Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
  }

  /** Arguments the caller gave that need no declaration: proxies, each in both cases. */
  predefined(): [string, string][] {
    const found = new Map<string, string>();
    for (const [name, value] of Object.entries(this.#given)) {
      if (!PREDEFINED.has(name)) continue;
      for (const one of [name, name.toUpperCase(), name.toLowerCase()]) {
        if (one === name || this.given(one) === undefined) found.set(one, value);
      }
    }
    return [...found];
  }

  #declare(file: Dockerfile, instruction: InstructionOf<'arg'>): void {
    for (const { name, value } of instruction.args) {
      const given = this.given(name.text);
      const fallback = value === undefined ? this.#values.get(name.text) : undefined;
      // A default that is not used may be malformed
      const own =
        given === undefined && value !== undefined ? expandWord(value, this.lookup, file) : fallback;
      this.#values.set(name.text, given ?? own);
    }
  }
}

/**
 * The variables of a stage: ENV and ARG write into one table, and the later one wins. A stage on top of another begins
 * with its table.
 */
export class StageArguments {
  readonly #globals: GlobalArguments;
  readonly #values: Map<string, string>;
  readonly #declared: Set<string>;

  constructor(globals: GlobalArguments, start: StageArguments | ReadonlyMap<string, string>) {
    this.#globals = globals;
    const inherited = start instanceof StageArguments;
    this.#values = new Map(inherited ? start.#values : start);
    this.#declared = new Set(inherited ? start.#declared : []);
  }

  /** `fallback` is the default, expanded only where it is needed; what it came to is returned. */
  declare(name: string, fallback: (() => string) | undefined): string | undefined {
    const value = this.#globals.given(name) ?? (fallback ? fallback() : this.#globals.lookup(name));
    this.#declared.add(name);
    if (value !== undefined && !NOT_IN_ENVIRONMENT.has(name)) this.#values.set(name, value);
    return value;
  }

  setEnv(name: string, value: string): void {
    this.#values.set(name, value);
  }

  unset(name: string): void {
    this.#values.delete(name);
  }

  readonly lookup: Lookup = (name) => this.#values.get(name);

  isDeclared(name: string): boolean {
    return this.#declared.has(name) || this.#values.has(name);
  }

  /** Every variable a command sees but the proxies. */
  environment(): [string, string][] {
    return [...this.#values];
  }

  /** What ARG has declared, in order, with the value that commands see; empty where they see none. */
  declared(): [string, string][] {
    return [...this.#declared].map((name) => [name, this.#values.get(name) ?? '']);
  }

  /** Proxies that nothing else sets. */
  hidden(): [string, string][] {
    return this.#globals.predefined().filter(([name]) => !this.#values.has(name));
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
