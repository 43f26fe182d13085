import { LapidaryError } from '../../errors/index.ts';
import { type ImageParts, imageStages, type Tools } from '../image-stages.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from '../types.ts';
import { compileStages } from './compile-stages.ts';
import { linkStages, NO_STATIC_ARCHIVE } from './link-stages.ts';
import { officialStages } from './official-stages.ts';
import { type CrystalProject, readProject } from './project.ts';
import { pickToolchain } from './toolchain.ts';

/** A Crystal project: programs for amd64, arm64 and arm/v7, compiled on one machine. */
export const crystalRecipe: Recipe = { name: 'Crystal', marker: 'shard.yml', write };

async function write(files: ProjectFiles, options: RecipeOptions): Promise<RecipeText> {
  const project = await readProject(files, options);
  const toolchain = pickToolchain(project.shard, options);
  const official = toolchain.kind === 'official';
  if (official) checkOfficial(options);
  const stages = official
    ? [
        ...officialStages(project, options, toolchain.version),
        ...imageStages(imageParts(project, options, ALPINE_TOOLS), options),
      ]
    : debianStages(project, options);
  const title = `Crystal project ${project.shard.name}`;
  return {
    title,
    dockerfile: `${[header(title, official, options), ...stages].join('\n\n')}\n`,
    ignore: ignoreText(),
    buildArgs: project.commit === undefined ? {} : { REVISION: project.commit },
    notes: [...notes(project), ...(official ? [EMULATED] : [])],
    ...(options.link === undefined && !official && { retry: RETRY }),
  };
}

function debianStages(project: CrystalProject, options: RecipeOptions): string[] {
  return [
    ...compileStages(project, options),
    ...linkStages(project, options),
    ...imageStages(imageParts(project, options, DEBIAN_TOOLS), options),
  ];
}

const DEBIAN_TOOLS: Tools = { stage: 'linker-${TARGETARCH}', tini: '/usr/bin/tini-static', look: 'look' };
const ALPINE_TOOLS: Tools = { stage: 'compiler', tini: '/sbin/tini-static' };

function imageParts(
  { shard, targets, commit, files }: CrystalProject,
  { link }: RecipeOptions,
  tools: Tools,
): ImageParts {
  const { name, version, description, license, authors, homepage, repository, documentation } = shard;
  const programs = targets.map((target) => target.name);
  return {
    programs,
    // Where libraries are shared, exactly those that the programs need are copied with them
    copies: [
      link === 'dynamic'
        ? `COPY --from=link --closure ${programs.map((one) => `/usr/local/bin/${one}`).join(' ')} /`
        : 'COPY --from=link /program/ /',
    ],
    labels: {
      title: name,
      version,
      description,
      licenses: license,
      authors: authors.length > 0 ? authors.join(', ') : undefined,
      url: homepage,
      source: repository,
      documentation,
    },
    commit,
    files,
    tools,
  };
}

const EMULATED =
  'the official images of Crystal compile for their own machine, so images for other machines are built by an emulator; --toolchain debian cross-compiles';

/** @throws LapidaryError UNSUPPORTED */
function checkOfficial({ link, healthUrl }: RecipeOptions): void {
  const url = healthUrl === undefined ? undefined : 'a health check by URL';
  const wanted = link === 'dynamic' ? '--link dynamic' : url;
  if (wanted === undefined) return;
  throw new LapidaryError('UNSUPPORTED', `${wanted} is for Debian's toolchain`, {
    hint: 'use --toolchain debian; or link statically, and name a command for --health',
  });
}

/** Not when somebody asked for a static program. */
const RETRY: NonNullable<RecipeText['retry']> = {
  exitCode: NO_STATIC_ARCHIVE,
  options: { link: 'dynamic' },
  reason:
    'the program cannot be linked statically, so it is linked dynamically and its shared libraries are copied with it; --link static makes this an error, --link dynamic saves the attempt',
};

function header(title: string, official: boolean, { link }: RecipeOptions): string {
  return [
    '# syntax=docker/dockerfile:1',
    ...(official ? [] : ['# check=skip=FromPlatformFlagConstDisallowed']),
    official
      ? `# ${title}, compiled by the official image of Crystal.`
      : `# ${title}: programs for linux/amd64, linux/arm64 and linux/arm/v7, compiled on one machine without an emulator.`,
    ...(link === 'dynamic'
      ? ['# COPY --closure, which adds the libraries that a program needs, is known to lapidary only.']
      : []),
    // Buildah does not know it in FROM unless it is declared
    ...(official ? [] : ['ARG TARGETARCH']),
  ].join('\n');
}

function notes({ lock, hasDependencies }: CrystalProject): string[] {
  if (lock !== undefined || !hasDependencies) return [];
  return [
    'there is no shard.lock, so dependencies are resolved anew; to keep what is found: lapidary build --target lock -o . .',
  ];
}

/** What is no source of the programs. */
function ignoreText(): string {
  const names = ['.git', '.github', '.shards', 'bin', 'lib', 'docs', 'spec', 'tmp', 'log'];
  const files = [
    '.dockerignore',
    '.editorconfig',
    '.gitignore',
    'Dockerfile',
    'lapidary.yml',
    'README.md',
    'CHANGELOG.md',
    '*.dwarf',
  ];
  return `${['# What the programs are not made of', ...names, ...files].join('\n')}\n`;
}
