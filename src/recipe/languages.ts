import { LapidaryError } from '../errors/index.ts';
import type { RecipeOptions } from './types.ts';

/** Names of flags, for errors. */
const FLAGS: Readonly<Partial<Record<keyof RecipeOptions, string>>> = {
  link: '--link',
  cpu: '--mcpu',
  packages: '--with-package',
  toolchain: '--toolchain',
  tls: '--tls',
  gitTokens: '--private-git',
  defines: '--define',
  linkFlags: '--link-flags',
  debug: '--keep-debug',
  release: '--no-release',
  targets: '--crystal-target',
};

/** What is accepted acts: what a language has no use for is an error. @throws LapidaryError UNSUPPORTED */
export function unsupportedOptions(
  language: string,
  options: RecipeOptions,
  names: readonly (keyof RecipeOptions)[],
): void {
  const used = names.find((name) => options[name] !== undefined);
  if (used === undefined) return;
  throw new LapidaryError(
    'UNSUPPORTED',
    `${FLAGS[used] ?? used} means nothing to the recipe for ${language}`,
    {
      hint: 'leave it out, or write the Dockerfile with `lapidary init` and change it',
    },
  );
}

export function invalidProject(message: string, hint?: string): LapidaryError {
  return new LapidaryError('PROJECT_INVALID', message, { hint });
}

/** `tool` of `example.org/a/tool` and `example.org/a/tool/v2`. */
export function programName(path: string): string {
  const words = path.split('/').filter((word) => !/^v\d+$/.test(word));
  return words.at(-1) ?? 'program';
}
