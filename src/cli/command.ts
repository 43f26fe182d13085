import type { Io } from './io.ts';

/** One flag. Parser, `--help` and docs/cli/ are all drawn from these values. */
export type OptionSpec = {
  /** As in the help: `-t, --tag NAME`, `--no-cache`. A word after the long form means it takes a value. */
  readonly flags: string;
  readonly help: string;
  /** May be given several times. */
  readonly repeat?: boolean;
  /** The value may be left out, and is then this one: `--pull[=POLICY]`. A value is given with `=` only. */
  readonly bare?: string;
  /** Heading of the flags that it is listed with; those of the command itself have none. */
  readonly group?: string;
  /** Known from docker but not supported: using it is an UNSUPPORTED error with this hint. */
  readonly unsupported?: string;
};

export type Example = { readonly text: string; readonly command: string };

/** A command of the command line. */
export type CommandSpec = {
  readonly name: string;
  readonly summary: string;
  /** Its arguments as in the help: `PATH`, `[NAME...]`. */
  readonly args: string;
  /** Least and greatest number of arguments. */
  readonly arity: readonly [number, number];
  /** Flags end at the first argument: the rest belongs to the program that is run. */
  readonly passThrough?: boolean;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** Paragraphs for the reference. */
  readonly details?: readonly string[];
  /** @returns the exit code */
  readonly run: (call: Invocation) => Promise<number>;
};

/** Flags and arguments of one call, and the process around it. */
export type Invocation = { readonly flags: Flags; readonly args: readonly string[]; readonly io: Io };

/** Long name of a flag: `tag` for `-t, --tag NAME`. */
export function longName({ flags }: OptionSpec): string {
  const name = /--([a-z-]+)/.exec(flags)?.[1];
  if (name === undefined) throw new Error(`a flag without a long name: ${flags}`);
  return name;
}

/** Whether a flag is followed by a value. */
export function takesValue({ flags }: OptionSpec): boolean {
  return /--[a-z-]+(?: \S|\[=)/.test(flags);
}

/** The values of flags by long name. Asking for a flag that the command does not define is a bug. */
export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** All values in the order given. */
  list(name: string): readonly string[] {
    const values = this.#values.get(name);
    if (values === undefined) throw new Error(`the flag --${name} is not defined`);
    return values;
  }

  /** The last value, as later flags win. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  on(name: string): boolean {
    return this.list(name).length > 0;
  }
}
