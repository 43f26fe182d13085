import type { Source, Span } from '../errors/index.ts';

/** A piece of an instruction as written (quotes, escapes and variables still in it), and where it stands. */
export type Word = { readonly text: string; readonly span: Span };

/** A here-document. `body` is raw (already without leading tabs for `<<-`); `expand` is false for a quoted delimiter. */
export type Heredoc = {
  readonly name: string;
  /** The file descriptor written before `<<`, 0 when none was. */
  readonly fd: number;
  readonly expand: boolean;
  readonly chomp: boolean;
  readonly body: string;
  readonly span: Span;
};

/** The command of RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD: as a line for the shell, or as a list. */
export type CommandForm =
  | {
      readonly form: 'shell';
      readonly line: string;
      readonly span: Span;
      readonly heredocs: readonly Heredoc[];
    }
  | { readonly form: 'exec'; readonly argv: readonly string[]; readonly span: Span };

export type KeyValue = { readonly name: Word; readonly value: Word };

/** `RUN --mount=type=…,key=value`: options in the order written, keys in lower case, `value` absent for a bare key. */
export type MountFlag = {
  readonly span: Span;
  readonly options: readonly { readonly key: string; readonly value?: string; readonly span: Span }[];
};

export type CopyFlags = {
  readonly from?: Word;
  readonly chown?: Word;
  readonly chmod?: Word;
  readonly link: boolean;
  readonly parents: boolean;
  /** What the programs need is copied with them. */
  readonly closure?: true;
  readonly exclude: readonly Word[];
};
export type AddFlags = Omit<CopyFlags, 'from' | 'parents' | 'closure'> & {
  readonly checksum?: Word;
  readonly keepGitDir: boolean;
  readonly unpack?: boolean;
};

/** What COPY and ADD have in common. A source is a path (or URL), or a here-document that becomes a file. */
export type Transfer = {
  readonly sources: readonly Word[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: Word;
};

/** Configuration to take back: one part of it by name, or without a name all. */
export type Unset = {
  readonly setting:
    | 'env'
    | 'label'
    | 'volume'
    | 'expose'
    | 'healthcheck'
    | 'entrypoint'
    | 'cmd'
    | 'user'
    | 'workdir'
    | 'stopsignal'
    | 'shell'
    | 'onbuild'
    | 'maintainer';
  readonly name?: string;
};

type Common = {
  /** The whole instruction, here-documents included. */
  readonly span: Span;
  /** Its keyword as written. */
  readonly keyword: Word;
  /** The instruction's text on one line: continuations joined, comments gone, flags in front; for history and titles. */
  readonly text: string;
  /** The comment lines right above FROM or ARG, without `#`; absent where there are none. */
  readonly comments?: readonly string[];
};

/** Dockerfile reference, one member per instruction; and `unset`, which is a comment to other builders. */
export type Instruction = Common &
  (
    | { readonly kind: 'from'; readonly image: Word; readonly name?: Word; readonly platform?: Word }
    | { readonly kind: 'arg'; readonly args: readonly { readonly name: Word; readonly value?: Word }[] }
    | { readonly kind: 'env'; readonly pairs: readonly KeyValue[] }
    | { readonly kind: 'label'; readonly pairs: readonly KeyValue[] }
    | {
        readonly kind: 'run';
        readonly command: CommandForm;
        readonly mounts: readonly MountFlag[];
        readonly network?: Word;
        readonly security?: Word;
        readonly devices: readonly Word[];
      }
    | { readonly kind: 'cmd'; readonly command: CommandForm }
    | { readonly kind: 'entrypoint'; readonly command: CommandForm }
    | { readonly kind: 'copy'; readonly flags: CopyFlags; readonly transfer: Transfer }
    | { readonly kind: 'add'; readonly flags: AddFlags; readonly transfer: Transfer }
    | { readonly kind: 'workdir'; readonly path: Word }
    | { readonly kind: 'user'; readonly user: Word }
    | { readonly kind: 'expose'; readonly ports: readonly Word[] }
    | { readonly kind: 'volume'; readonly paths: readonly Word[] }
    | { readonly kind: 'stopsignal'; readonly signal: Word }
    | { readonly kind: 'shell'; readonly argv: readonly string[] }
    | { readonly kind: 'maintainer'; readonly name: Word }
    | ({ readonly kind: 'unset' } & Unset)
    | { readonly kind: 'onbuild'; readonly trigger: Instruction; readonly triggerText: string }
    | {
        readonly kind: 'healthcheck';
        /** Absent for `HEALTHCHECK NONE`. */
        readonly command?: CommandForm;
        readonly interval?: Word;
        readonly timeout?: Word;
        readonly startPeriod?: Word;
        readonly startInterval?: Word;
        readonly retries?: Word;
      }
  );

/** Those that have a keyword. */
export type InstructionKind = Exclude<Instruction['kind'], 'unset'>;
export type InstructionOf<K extends Instruction['kind']> = Extract<Instruction, { kind: K }>;

/** A FROM and what follows it until the next. `name` is lower case; `index` counts from 0. */
export type Stage = {
  readonly index: number;
  readonly name?: string;
  readonly from: InstructionOf<'from'>;
  readonly instructions: readonly Instruction[];
};

/** Something that only the parser sees, as the finding of a check. */
export type ParseWarning = {
  readonly rule: 'NoEmptyContinuation' | 'CommentAsArgument' | 'MalformedJsonForm';
  readonly message: string;
  readonly span: Span;
  readonly hint?: string;
};

export type Dockerfile = {
  readonly source: Source;
  readonly escape: '\\' | '`';
  /** Values of the parser directives as written; names in lower case. */
  readonly directives: { readonly syntax?: Word; readonly escape?: Word; readonly check?: Word };
  /** ARG instructions before the first FROM. */
  readonly globals: readonly InstructionOf<'arg'>[];
  readonly stages: readonly Stage[];
  /** Things that are allowed but surely not meant, such as a comment after an instruction's arguments. */
  readonly warnings: readonly ParseWarning[];
};
