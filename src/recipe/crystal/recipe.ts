import { LapidaryError } from '../../errors/index.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from '../types.ts';
import { compileStages } from './compile-stages.ts';
import { finalStages } from './final-stages.ts';
import { linkStages } from './link-stages.ts';
import { type CrystalProject, readProject } from './project.ts';
import { pickToolchain } from './toolchain.ts';

/** A Crystal project: programs for amd64, arm64 and arm/v7, compiled on one machine. */
export const crystalRecipe: Recipe = { name: 'Crystal', marker: 'shard.yml', write };

async function write(files: ProjectFiles, options: RecipeOptions): Promise<RecipeText> {
  const project = await readProject(files, options);
  const toolchain = pickToolchain(project.shard, options);
  if (toolchain.kind === 'official')
    throw new LapidaryError('UNSUPPORTED', 'official images are not written yet');
  const title = `Crystal project ${project.shard.name}`;
  return {
    title,
    dockerfile: `${[header(title, options), ...compileStages(project, options), ...linkStages(project, options), ...finalStages(project, options)].join('\n\n')}\n`,
    ignore: ignoreText(),
    notes: notes(project),
  };
}

function header(title: string, { link }: RecipeOptions): string {
  return [
    '# syntax=docker/dockerfile:1',
    `# ${title}: programs for linux/amd64, linux/arm64 and linux/arm/v7, compiled on one machine without an emulator.`,
    ...(link === 'dynamic'
      ? ['# COPY --closure, which adds the libraries that a program needs, is known to lapidary only.']
      : []),
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
