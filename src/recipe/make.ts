import { MACHINE_PRELUDE, machineStage } from './debian-machine.ts';
import { gitHead } from './git-head.ts';
import { imageStages } from './image-stages.ts';
import { invalidProject, unsupportedOptions } from './languages.ts';
import { runScript, shellWord } from './shell.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from './types.ts';

/** A program in C with a Makefile that can install it: `make install DESTDIR=… PREFIX=/usr/local`. */
export const makeRecipe: Recipe = { name: 'C', marker: 'Makefile', write };

async function write(files: ProjectFiles, options: RecipeOptions): Promise<RecipeText> {
  unsupportedOptions('C', options, ['link', 'toolchain', 'tls', 'gitTokens', 'release']);
  if (!/^install\s*:/m.test((await files.readText('Makefile')) ?? '')) {
    throw invalidProject(
      'there is no Dockerfile, and the Makefile has no rule `install`, by which it could be built without one',
      'it is called with DESTDIR and PREFIX=/usr/local, and puts the program into $(DESTDIR)$(PREFIX)/bin',
    );
  }
  const programs = options.targets ?? [files.folder];
  const wrong = programs.find((name) => !/^[\w.-]+$/.test(name));
  if (wrong !== undefined)
    throw invalidProject(`not the name of a program: "${wrong}"`, 'name it with --crystal-target');
  const commit = await gitHead(files);
  const parts = {
    programs,
    copies: ['COPY --from=program /program/ /'],
    labels: { title: programs[0] },
    commit,
    files: options.files ?? [],
    tools: { stage: 'machine', prelude: MACHINE_PRELUDE, tini: '/usr/bin/tini-static' },
  };
  const stages = [
    `# syntax=docker/dockerfile:1\n# C program ${programs.join(', ')}, compiled on the machine that builds for the one that the image is for.`,
    machineStage(options, { compiler: true, packages: options.packages ?? [] }),
    programStage(programs, options),
    ...imageStages(parts, options),
  ];
  return {
    title: `C program ${programs.join(', ')}`,
    dockerfile: `${stages.join('\n\n')}\n`,
    ignore: '.git\n.dockerignore\n.gitignore\nDockerfile\nlapidary.yml\nREADME.md\n**/*.o\n',
    buildArgs: commit === undefined ? {} : { REVISION: commit },
    notes: [],
  };
}

function programStage(programs: readonly string[], options: RecipeOptions): string {
  const { debug = false, defines = [], cpu, linkFlags } = options;
  const variables = [
    ['CC', 'cc'],
    ['AR', 'ar'],
    [
      'CFLAGS',
      ['-O2', ...defines.map((one) => `-D${one}`), ...(cpu === undefined ? [] : [`-mcpu=${cpu}`])].join(' '),
    ],
    [
      'LDFLAGS',
      ['-static', ...(debug ? [] : ['-s']), ...(linkFlags === undefined ? [] : [linkFlags])].join(' '),
    ],
    ['PREFIX', '/usr/local'],
    ['prefix', '/usr/local'],
  ].map(([name = '', value = '']) => `${name}=${shellWord(value)}`);
  return [
    'FROM machine AS program',
    'COPY . .',
    runScript([
      `set -e; ${MACHINE_PRELUDE} export PKG_CONFIG_LIBDIR=/usr/lib/$TRIPLET/pkgconfig;`,
      `make ${variables.join(' ')};`,
      `make install DESTDIR=/program ${variables.join(' ')};`,
      `for program in ${programs.join(' ')}; do`,
      '  [ -x /program/usr/local/bin/$program ] || { echo "make install did not install bin/$program" >&2; exit 1; };',
      'done',
    ]),
  ].join('\n');
}
