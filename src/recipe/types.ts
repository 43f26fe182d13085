/** Reads what a recipe looks at: text files of the project. `undefined` when there is no such file. */
export type ProjectFiles = {
  /** Name of the project's folder, for what has no other name. */
  readonly folder: string;
  /** `path` is relative to the project, with slashes. @throws LapidaryError CONTEXT_UNREADABLE */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** Names of what is in a directory of the project, sorted; `undefined` when there is none. */
  readonly list: (path: string) => Promise<readonly string[] | undefined>;
};

/** What compiles: Debian's packages, or the official images of a language. */
export type Toolchain = 'auto' | 'debian' | 'official';

/** How a program gets its libraries: they are in it, or the shared ones that it needs are copied with it. */
export type LinkMode = 'static' | 'dynamic';

/** Whether something is in the image: `auto` is when the program uses it. */
export type When = 'auto' | 'on' | 'off';

/** What can be said of an image beyond what the project's own files tell. Everything has a default. */
export type RecipeOptions = {
  /** Targets of the project to build; the first is what the image starts. Default: all of them. */
  readonly targets?: readonly string[];
  readonly toolchain?: Toolchain;
  readonly link?: LinkMode;
  /** Optimised; default true. */
  readonly release?: boolean;
  /** Debug information is kept; default false. */
  readonly debug?: boolean;
  /** Flags for conditional compilation. */
  readonly defines?: readonly string[];
  /** A processor, as the compiler calls it. */
  readonly cpu?: string;
  /** Further flags for the linker. */
  readonly linkFlags?: string;
  /** Further packages of Debian for linking, without architecture. */
  readonly packages?: readonly string[];
  /** Files and directories of the project that the program reads when it runs; they are put into its directory. */
  readonly files?: readonly string[];
  /** TLS: a program that never makes a TLS context does without OpenSSL and certificates. */
  readonly tls?: When;
  /** The time zone database. */
  readonly timezones?: When;
  /** `scratch`, `distroless`, `alpine`, `debian`, or the reference of an image. */
  readonly base?: string;
  /** A first process that passes signals on and buries children; default true. */
  readonly init?: boolean;
  /** Ports, as EXPOSE has them. */
  readonly expose?: readonly string[];
  /** What a health check asks by HTTP: `http://localhost:3000/health`. */
  readonly healthUrl?: string;
  /** Or the command that it executes. */
  readonly healthCommand?: readonly string[];
  /** Hosts of git repositories for which there is a secret `GIT_AUTH_TOKEN.<host>`. */
  readonly gitTokens?: readonly string[];
  /** Release files of Debian that have expired are good enough, as in frozen mirrors. */
  readonly allowExpired?: boolean;
};

/** A project as a Dockerfile. */
export type RecipeText = {
  /** What was recognised: `Crystal project hello`. */
  readonly title: string;
  readonly dockerfile: string;
  /** The ignore file that goes with it. */
  readonly ignore: string;
  /** Build arguments that have no default: what is not the same tomorrow. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What people should know before it is built, a sentence each. */
  readonly notes: readonly string[];
  /** What to try when a step exits with a code that says that this will not do. */
  readonly retry?: {
    readonly exitCode: number;
    readonly options: RecipeOptions;
    /** Why, and what is done instead. */
    readonly reason: string;
  };
};

/** One language. Recipes are pure but for what they read of the project. */
export type Recipe = {
  readonly name: string;
  /** The file by which a project is recognised. */
  readonly marker: string;
  /** @throws SourceError, LapidaryError PROJECT_INVALID, UNSUPPORTED */
  readonly write: (files: ProjectFiles, options: RecipeOptions) => Promise<RecipeText>;
};
