import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildRequest } from '../../../src/build/index.ts';

/** The corpus: a folder per group, in it a folder per case. */
export const CORPUS: string = fileURLToPath(new URL('../../fixtures/build', import.meta.url));
export const BASES: string = join(CORPUS, 'bases');

/** `case.json`: what a build gets besides its Dockerfile. Paths are relative to the case's working directory. */
export type CaseOptions = Pick<
  BuildRequest,
  'target' | 'buildArgs' | 'labels' | 'contexts' | 'sourceDateEpoch' | 'network' | 'allow'
> & {
  readonly platform?: string;
  /** Where the main context comes from; default: `directory`. `behind` follows the URL of a repository. */
  readonly input?: {
    readonly from: 'directory' | 'stdin-text' | 'stdin-tar' | 'git' | 'http';
    readonly behind?: string;
  };
  /** As `--unset` has them. */
  readonly unset?: readonly string[];
  /** There is an SSH agent, without keys. */
  readonly ssh?: boolean;
  /** The Dockerfile is checked and not built: `[checks]` is all that `expected.txt` has. */
  readonly check?: boolean;
  /** By ID; the value itself. */
  readonly secrets?: Readonly<Record<string, string>>;
};

export type Case = {
  readonly name: string;
  readonly folder: string;
  /** Text of its Dockerfile; absent when that is part of the context. */
  readonly dockerfile: string | undefined;
  readonly options: CaseOptions;
  /** `expected.txt`, or `error.txt` for a build that must fail. */
  readonly expected: Expected;
};

export type Expected = {
  readonly file: 'expected.txt' | 'error.txt';
  /** Lines at the top that begin with `#`: what the case is about, and its source. */
  readonly about: string;
  readonly body: string;
};

/** Cases whose folder is called `run` or begins so need the sandbox, all others no privilege. */
export const needsSandbox = ({ name }: Case): boolean => name.startsWith('run');

export function readCases(): Case[] {
  const groups = readdirSync(CORPUS, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== 'bases',
  );
  return groups.flatMap((group) =>
    readdirSync(join(CORPUS, group.name)).map((name) => readCase(`${group.name}/${name}`)),
  );
}

function readCase(name: string): Case {
  const folder = join(CORPUS, name);
  const text = (file: string): string | undefined =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : undefined;
  const file = existsSync(join(folder, 'error.txt')) ? 'error.txt' : 'expected.txt';
  const written = text(file) ?? '';
  const about = /^(?:#.*\n)*/.exec(written)?.[0] ?? '';
  return {
    name,
    folder,
    dockerfile: text('Dockerfile'),
    options: JSON.parse(text('case.json') ?? '{}') as CaseOptions,
    expected: { file, about, body: written.slice(about.length) },
  };
}

/** Writes what a case came to in place of what was expected; its first lines stay. */
export function updateCase({ folder, expected }: Case, body: string): void {
  writeFileSync(join(folder, expected.file), `${expected.about}${body}`);
}
