import { runLines, runScript, shellWord } from '../shell.ts';
import type { RecipeOptions } from '../types.ts';
import { shardsStage } from './compile-stages.ts';
import type { CrystalProject } from './project.ts';

/** Of Alpine: what static programs need beside what the image of the compiler has. */
const PACKAGES = ['binutils', 'ca-certificates', 'git', 'openssh-client', 'tini-static', 'tzdata'];

/**
 * The stages with the official image of Crystal, which is Alpine's: programs are static and linked with musl. It runs as
 * the machine that the image is for, so other machines than this one are emulated.
 */
export function officialStages(project: CrystalProject, options: RecipeOptions, version: string): string[] {
  const packages = [...PACKAGES, ...(options.packages ?? [])].map(shellWord).join(' ');
  return [
    [
      '# The compiler, as the machine that the image is for.',
      `FROM crystallang/crystal:${version}-alpine AS compiler`,
      runLines([`apk add --no-cache ${packages}`]),
      'WORKDIR /src',
    ].join('\n'),
    shardsStage(project, options, { postinstall: true }),
    programStage(project, options),
  ];
}

function programStage({ targets }: CrystalProject, options: RecipeOptions): string {
  const { release = true, debug = false, defines = [], cpu, linkFlags, tls = 'auto' } = options;
  const flags = [
    ...(release ? ['--release'] : []),
    debug ? '--debug' : '--no-debug',
    '--static',
    ...defines.map((name) => `-D${name}`),
    ...(tls === 'off' ? ['-Dwithout_openssl'] : []),
    ...(cpu === undefined ? [] : ['--mcpu', cpu]),
    ...(linkFlags === undefined ? [] : ['--link-flags', linkFlags]),
  ];
  return [
    'FROM shards AS link',
    'COPY . .',
    runScript(
      [
        'set -e; mkdir -p /program/usr/local/bin;',
        ...targets.map(
          ({ name, main }) =>
            `crystal build ${main} --no-color -o /program/usr/local/bin/${name} ${flags.map(shellWord).join(' ')};`,
        ),
        debug ? 'ls /program/usr/local/bin' : 'strip /program/usr/local/bin/*',
      ],
      ['--mount=type=cache,id=crystal,target=/root/.cache/crystal'],
    ),
  ].join('\n');
}
