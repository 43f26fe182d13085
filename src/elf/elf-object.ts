/** Bytes of a file, wherever it is kept. */
export interface ByteSource {
  readonly size: number;
  /** From `offset`; fewer than `length` only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What two objects of one process must have in common. */
export type ElfTarget = {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** `e_machine`: 62 is x86-64. */
  readonly machine: number;
};

/**
 * What the dynamic loader reads of an object. An object without `interpreter` and `dynamic` is a static program, one
 * with `dynamic` alone a library or a static program that moves.
 * Source: System V ABI, chapters 4 and 5; DT_RUNPATH as in gABI of 2013.
 */
export type ElfObject = {
  readonly target: ElfTarget;
  /** The program that loads this one: PT_INTERP. */
  readonly interpreter: string | undefined;
  readonly dynamic: ElfDynamic | undefined;
};

export type ElfDynamic = {
  readonly soname: string | undefined;
  /** In the order in which they are loaded. */
  readonly needed: readonly string[];
  /** Directories as they are written, `$ORIGIN` and its kind not replaced. `rpath` counts only without `runpath`. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** DF_1_NODEFLIB: the directories that every object is searched in are left out. */
  readonly noDefaultLibraries: boolean;
};

export function sameTarget(a: ElfTarget, b: ElfTarget): boolean {
  return a.bits === b.bits && a.littleEndian === b.littleEndian && a.machine === b.machine;
}
