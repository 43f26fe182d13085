import type { Instruction, InstructionOf, Stage } from '../types.ts';
import type { Finding, TextRule } from './rule.ts';

const commandLine = ({ command }: InstructionOf<'run'>): string =>
  command.form === 'exec'
    ? command.argv.join(' ')
    : [command.line, ...command.heredocs.map(({ body }) => body)].join('\n');

const UPDATE = /(?:^|[\s;&|(])apt(?:-get)?\s+(?:-\S+\s+)*update(?=$|[\s;&|)])/;
const INSTALL =
  /(?:^|[\s;&|(])apt(?:-get)?\s+(?:-\S+\s+)*(?:install|upgrade|dist-upgrade|full-upgrade|build-dep|source|download|satisfy)(?=$|[\s;&|)])/;

export const aptGetUpdateAlone: TextRule = {
  name: 'AptGetUpdateAlone',
  summary: '`apt-get update` should stand in the step that installs packages',
  own: true,
  why: 'A step of its own is cached: when the list of packages to install changes, they are taken from package lists of the day the step first ran, which fails as soon as a version is gone from the archive. Write `RUN apt-get update && apt-get install …` as one step.',
  check: (file) =>
    file.stages.flatMap(({ instructions }) =>
      instructions.flatMap((instruction): Finding[] => {
        if (instruction.kind !== 'run') return [];
        const line = commandLine(instruction);
        if (!UPDATE.test(line) || INSTALL.test(line) || keepsLists(instruction)) return [];
        const message = 'apt-get update is cached without the install that needs its package lists';
        const hint = 'write RUN apt-get update && apt-get install … as one step';
        return [{ message, span: instruction.command.span, within: instruction.span, hint }];
      }),
    ),
};

/** Lists in a cache mount are there for every later step that mounts it. */
const keepsLists = ({ mounts }: InstructionOf<'run'>): boolean =>
  mounts.some(({ options }) => options.some(({ value }) => value?.startsWith('/var/lib/apt') === true));

/** Installs what a manifest names; and how that manifest is called. */
const INSTALLERS: readonly { readonly command: RegExp; readonly manifest: string }[] = [
  {
    command: /\bnpm\s+(?:ci|install|i)(?=$|[\s;&|])(?!\s+(?:-g|--global|[^-\s;&|]))/,
    manifest: 'package.json package-lock.json',
  },
  { command: /\byarn(?:\s+install)?\s*(?=$|[;&|\n]|--)/, manifest: 'package.json yarn.lock' },
  { command: /\bpnpm\s+(?:install|i)(?=$|[\s;&|])(?!\s+[^-\s;&|])/, manifest: 'package.json pnpm-lock.yaml' },
  { command: /\bpip3?\s+install\s+(?:\S+\s+)*(?:-r|--requirement)/, manifest: 'requirements.txt' },
  { command: /\bpoetry\s+install\b/, manifest: 'pyproject.toml poetry.lock' },
  { command: /\buv\s+sync\b/, manifest: 'pyproject.toml uv.lock' },
  { command: /\bbundle\s+install\b/, manifest: 'Gemfile Gemfile.lock' },
  { command: /\bcomposer\s+install\b/, manifest: 'composer.json composer.lock' },
  { command: /\bgo\s+mod\s+download\b/, manifest: 'go.mod go.sum' },
  { command: /\bcargo\s+fetch\b/, manifest: 'Cargo.toml Cargo.lock' },
  { command: /\bshards\s+install\b/, manifest: 'shard.yml shard.lock' },
  { command: /\bmvn\s+(?:-\S+\s+)*dependency:(?:go-offline|resolve)\b/, manifest: 'pom.xml' },
  { command: /\bdotnet\s+restore\b/, manifest: '*.csproj' },
  { command: /\bmix\s+deps\.get\b/, manifest: 'mix.exs mix.lock' },
];

export const copyBeforeInstall: TextRule = {
  name: 'CopyBeforeInstall',
  summary: 'Dependencies should be installed before the whole build context is copied',
  own: true,
  why: 'Behind `COPY . .` every change of any file makes the install run again, though the dependencies are the same. Copy the manifest, install, and copy the rest then.',
  check: (file) => file.stages.flatMap(copiedTooEarly),
};

function copiedTooEarly({ instructions }: Stage): Finding[] {
  const found: Finding[] = [];
  let whole: Instruction | undefined;
  for (const instruction of instructions) {
    if (isWholeContext(instruction)) whole ??= instruction;
    if (instruction.kind !== 'run' || whole === undefined) continue;
    const line = commandLine(instruction);
    const installer = INSTALLERS.find(({ command }) => command.test(line));
    if (installer === undefined) continue;
    const message =
      'the whole build context is copied before dependencies are installed, so any change of it installs them again';
    const hint = `above it write COPY ${installer.manifest} ./ and the install`;
    found.push({ message, span: whole.span, within: whole.span, hint });
    break;
  }
  return found;
}

function isWholeContext(instruction: Instruction): boolean {
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return false;
  if (instruction.kind === 'copy' && instruction.flags.from !== undefined) return false;
  return instruction.transfer.sources.some(
    ({ text }) => /^\.?\/?(?:\.\/?)?$|^\.?\/?\*$/.test(text) && text !== '',
  );
}
