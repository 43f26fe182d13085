import { MACHINE_PRELUDE, machineStage } from './debian-machine.ts';
import { installCommands } from './debian-packages.ts';
import { gitHead } from './git-head.ts';
import { imageStages } from './image-stages.ts';
import { invalidProject, programName, unsupportedOptions } from './languages.ts';
import { runLines, runScript, shellWord } from './shell.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from './types.ts';

/** A Go module, compiled without cgo for any machine by Debian's compiler. */
export const goRecipe: Recipe = { name: 'Go', marker: 'go.mod', write };

const CACHES = [
  '--mount=type=cache,id=go-mod,target=/root/go/pkg/mod',
  '--mount=type=cache,id=go-build,target=/root/.cache/go-build',
];

async function write(files: ProjectFiles, options: RecipeOptions): Promise<RecipeText> {
  unsupportedOptions('Go', options, ['link', 'cpu', 'packages', 'toolchain', 'tls', 'gitTokens', 'release']);
  const module = /^module\s+"?([\w./~-]+)"?\s*$/m.exec((await files.readText('go.mod')) ?? '')?.[1];
  if (module === undefined) throw invalidProject('go.mod names no module');
  const programs = await mainPackages(files, module, options);
  const commit = await gitHead(files);
  const vendored = (await files.list('vendor')) !== undefined;
  const sums = (await files.readText('go.sum')) === undefined ? '' : ' go.sum';
  const parts = {
    programs: programs.map(({ name }) => name),
    copies: ['COPY --from=program /program/ /'],
    labels: { title: programName(module) },
    commit,
    files: options.files ?? [],
    tools: { stage: 'machine', prelude: MACHINE_PRELUDE, tini: '/usr/bin/tini-static' },
  };
  const stages = [
    `# syntax=docker/dockerfile:1\n# Go module ${module}, compiled on the machine that builds for the one that the image is for.`,
    [
      'FROM --platform=$BUILDPLATFORM debian:trixie-slim AS compiler',
      runLines(installCommands(['ca-certificates', 'git', 'golang-go'], options)),
      'WORKDIR /src',
      ...(vendored ? [] : [`COPY go.mod${sums} ./`, runLines(['go mod download'], CACHES.slice(0, 1))]),
    ].join('\n'),
    programStage(programs, options),
    machineStage(options, { compiler: false }),
    ...imageStages(parts, options),
  ];
  return {
    title: `Go module ${module}`,
    dockerfile: `${stages.join('\n\n')}\n`,
    ignore: '.git\n.dockerignore\n.gitignore\nDockerfile\nlapidary.yml\nREADME.md\n**/*_test.go\n',
    buildArgs: commit === undefined ? {} : { REVISION: commit },
    notes: [],
  };
}

type Program = { readonly name: string; readonly package: string };

function programStage(
  programs: readonly Program[],
  { debug = false, defines = [], linkFlags = '' }: RecipeOptions,
): string {
  const flags = [
    '-trimpath',
    ...(defines.length > 0 ? [`-tags=${defines.join(',')}`] : []),
    `-ldflags=${[...(debug ? [] : ['-s', '-w']), linkFlags].join(' ').trim()}`,
  ];
  const builds = programs.map(
    (one) =>
      `go build -o /program/usr/local/bin/${one.name} ${flags.map(shellWord).join(' ')} ${one.package};`,
  );
  return [
    'FROM compiler AS program',
    'COPY . .',
    'ARG TARGETOS TARGETARCH TARGETVARIANT',
    runScript(
      [
        'set -e; export CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v};',
        'if [ "$TARGETARCH" != arm ]; then unset GOARM; fi;',
        ...builds,
        'ls /program/usr/local/bin',
      ],
      CACHES,
    ),
  ].join('\n');
}

/** The root, when it has a `main.go`, and the directories of `cmd/`, as Go projects are laid out. */
async function mainPackages(
  files: ProjectFiles,
  module: string,
  { targets = [] }: RecipeOptions,
): Promise<readonly Program[]> {
  const root =
    (await files.readText('main.go')) === undefined ? [] : [{ name: programName(module), package: '.' }];
  const commands = ((await files.list('cmd')) ?? []).filter((name) => /^[\w.-]+$/.test(name));
  const all = [...root, ...commands.map((name) => ({ name, package: `./cmd/${name}` }))];
  const found = targets.map((target) => all.find(({ name }) => name === target) ?? target);
  const missing = found.find((one) => typeof one === 'string');
  if (missing !== undefined) {
    throw invalidProject(
      `there is no program "${missing}"`,
      `there are ${all.map(({ name }) => name).join(', ')}`,
    );
  }
  if (all.length > 0) return found.length > 0 ? (found as Program[]) : all;
  throw invalidProject('no program is found: there is neither a main.go nor a directory cmd/');
}
