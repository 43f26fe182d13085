import type { CommandSpec } from '../command.ts';
import { BUILD_OPTIONS } from './build-options.ts';

export const buildCommand: CommandSpec = {
  name: 'build',
  summary: 'Build an image from a Dockerfile, or from a Crystal project that has none',
  args: '[PATH]',
  arity: [0, 1],
  options: BUILD_OPTIONS,
  examples: [
    {
      text: 'A Crystal project without a Dockerfile, for three machines',
      command: 'lapidary build -t app --platform linux/amd64,linux/arm64,linux/arm/v7',
    },
    { text: 'Build the current directory and name the image', command: 'lapidary build -t app:1.0 .' },
    {
      text: 'Write an OCI archive, with times that do not change',
      command: 'lapidary build --source-date-epoch 0 -o type=oci,dest=app.tar .',
    },
    { text: 'Only the files of the stage `bin`', command: 'lapidary build --target bin -o ./out .' },
    {
      text: 'What looks wrong in the Dockerfile, and what of it can be repaired',
      command: 'lapidary build --check --fix .',
    },
    { text: 'Into a Docker engine', command: 'lapidary build -t app -o type=docker,dest=- . | docker load' },
  ],
  details: [
    'PATH is the build context (default: the current directory). A project with a shard.yml and without a Dockerfile is built by a recipe: `lapidary init` writes its Dockerfile. What the flags for such projects say can stand in a lapidary.yml, by their names.',
    'Progress goes to standard error. Base images are looked for among the named build contexts, then in the local store, then in their registry. A layer of a base image is fetched when a step reads it, and not before.',
  ],
  run: async (call) => (await import('./run-build.ts')).buildOrCall(call),
};
