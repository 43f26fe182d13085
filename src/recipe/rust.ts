import { parse } from 'smol-toml';
import { MACHINE_PRELUDE, machineStage } from './debian-machine.ts';
import { installCommands } from './debian-packages.ts';
import { gitHead } from './git-head.ts';
import { imageStages } from './image-stages.ts';
import { invalidProject, unsupportedOptions } from './languages.ts';
import { runScript, shellWord } from './shell.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from './types.ts';

/** A Cargo package, compiled by Debian's rustc and linked statically for the machine that the image is for. */
export const rustRecipe: Recipe = { name: 'Rust', marker: 'Cargo.toml', write };

type Manifest = {
  readonly package?: {
    readonly [key in 'name' | 'version' | 'description' | 'license' | 'repository' | 'homepage']?: unknown;
  };
  readonly bin?: readonly { readonly name?: unknown }[];
};

async function write(files: ProjectFiles, options: RecipeOptions): Promise<RecipeText> {
  unsupportedOptions('Rust', options, ['link', 'toolchain', 'tls', 'gitTokens']);
  const manifest = readManifest((await files.readText('Cargo.toml')) ?? '');
  const name = text(manifest.package?.name);
  if (name === undefined || !/^[\w-]+$/.test(name)) throw invalidProject('Cargo.toml names no package');
  const programs = programsOf(manifest, name, options);
  const commit = await gitHead(files);
  const locked = (await files.readText('Cargo.lock')) !== undefined;
  const { version, description, license, repository, homepage } = manifest.package ?? {};
  const parts = {
    programs,
    copies: ['COPY --from=program /program/ /'],
    labels: {
      title: name,
      version: text(version),
      description: text(description),
      licenses: text(license),
      source: text(repository),
      url: text(homepage),
    },
    commit,
    files: options.files ?? [],
    tools: { stage: 'machine', prelude: MACHINE_PRELUDE, tini: '/usr/bin/tini-static' },
  };
  const stages = [
    `# syntax=docker/dockerfile:1\n# Rust package ${name}, compiled on the machine that builds for the one that the image is for.`,
    machineStage(options, { compiler: true, packages: options.packages ?? [] }),
    programStage(programs, { options, locked }),
    ...imageStages(parts, options),
  ];
  return {
    title: `Rust package ${name}`,
    dockerfile: `${stages.join('\n\n')}\n`,
    ignore: '.git\n.dockerignore\n.gitignore\nDockerfile\nlapidary.yml\nREADME.md\ntarget\n',
    buildArgs: commit === undefined ? {} : { REVISION: commit },
    notes: locked ? [] : ['there is no Cargo.lock, so dependencies are resolved anew'],
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function readManifest(source: string): Manifest {
  try {
    return parse(source);
  } catch (error) {
    throw invalidProject(`Cargo.toml is not TOML: ${error instanceof Error ? error.message : ''}`);
  }
}

function programsOf(
  { bin = [] }: Manifest,
  name: string,
  { targets = [] }: RecipeOptions,
): readonly string[] {
  const named = bin.flatMap((one) => text(one.name) ?? []);
  const all = named.length > 0 ? named : [name];
  const missing = targets.find((target) => !/^[\w-]+$/.test(target));
  if (missing !== undefined) throw invalidProject(`not the name of a program: "${missing}"`);
  return targets.length > 0 ? targets : all;
}

type Parts = { readonly options: RecipeOptions; readonly locked: boolean };

/** The standard library for the other machine is a package of it. */
function programStage(programs: readonly string[], { options, locked }: Parts): string {
  const { release = true, debug = false, defines = [], linkFlags, cpu, allowExpired = false } = options;
  const rust = ['cargo', 'git', 'libstd-rust-dev:$DEBIAN', 'rustc'];
  const flags = [
    ...(release ? ['--release'] : []),
    ...(locked ? ['--locked'] : []),
    ...(defines.length > 0 ? ['--features', defines.join(',')] : []),
    ...programs.flatMap((name) => ['--bin', name]),
  ];
  const rustFlags = [
    '-C target-feature=+crt-static',
    '-C linker=cc',
    '-C relocation-model=static',
    ...(debug ? [] : ['-C strip=symbols']),
    ...(cpu === undefined ? [] : [`-C target-cpu=${cpu}`]),
    ...(linkFlags === undefined ? [] : [`-C link-args=${linkFlags}`]),
  ].join(' ');
  return [
    'FROM machine AS program',
    runScript([`${MACHINE_PRELUDE} ${installCommands(rust, { allowExpired }).join(' && ')}`]),
    'COPY . .',
    runScript(
      [
        `set -e; ${MACHINE_PRELUDE}`,
        'case $TRIPLET in',
        '  arm-*) target=armv7-unknown-linux-gnueabihf ;;',
        '  riscv64-*) target=riscv64gc-unknown-linux-gnu ;;',
        '  *) target=${TRIPLET%-linux-gnu}-unknown-linux-gnu ;;',
        'esac;',
        `export RUSTFLAGS=${shellWord(rustFlags)};`,
        `cargo build --target $target --target-dir /target ${flags.map(shellWord).join(' ')};`,
        `mkdir -p /program/usr/local/bin; for program in ${programs.join(' ')}; do cp /target/$target/${release ? 'release' : 'debug'}/$program /program/usr/local/bin/; done`,
      ],
      [
        '--mount=type=cache,id=cargo,target=/root/.cargo',
        '--mount=type=cache,id=cargo-target,target=/target',
      ],
    ),
  ].join('\n');
}
