import { resolve } from 'node:path';
import { EXIT } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { RECIPE_OPTIONS, readRecipe } from '../recipe-flags.ts';

export const initCommand: CommandSpec = {
  name: 'init',
  summary: 'Write the Dockerfile of a project that has none',
  args: '[PATH]',
  arity: [0, 1],
  options: [
    { flags: '--print', help: 'Print the Dockerfile, and write nothing' },
    { flags: '--force', help: 'Replace a Dockerfile and an ignore file that are there' },
    ...RECIPE_OPTIONS,
  ],
  examples: [
    { text: 'What `lapidary build` does in this directory', command: 'lapidary init --print' },
    {
      text: 'A Dockerfile to edit, for a server',
      command: 'lapidary init --expose 3000 --health http://localhost:3000/health',
    },
  ],
  details: [
    'Projects are recognised by their files: shard.yml. Building the Dockerfile gives the same image as building the project without it. Buildah and Docker build it, too, but for `--link dynamic`.',
  ],
  run: runInit,
};

async function runInit({ flags, args, io }: Invocation): Promise<number> {
  const { initProject } = await import('../../build/index.ts');
  const directory = resolve(io.cwd, args[0] ?? '.');
  const { recipe = {} } = readRecipe(flags);
  const write = !flags.on('print');
  const { title, dockerfile, notes } = await initProject(directory, recipe, {
    write,
    force: flags.on('force'),
  });
  if (!write) io.stdout.write(dockerfile);
  else io.stderr.write(`${title}: Dockerfile and .dockerignore are written\n`);
  for (const note of notes) io.stderr.write(`warning: ${note}\n`);
  return EXIT.ok;
}
