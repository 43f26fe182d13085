import type { ContainerConfig } from '../oci/index.ts';
import type { Setting } from '../plan/index.ts';

/** A command that is started with an image. */
export type Command = {
  readonly setting: Setting;
  readonly argv: readonly [string, ...string[]];
  /** Present where a shell is started with this line. */
  readonly line?: string;
};

const DEFAULT_SHELL = ['/bin/sh', '-c'];

/** What an image starts: its entrypoint or else its command, and what asks whether it is healthy. */
export function commandsOf(config: ContainerConfig): Command[] {
  const { Entrypoint = [], Cmd = [], Healthcheck } = config;
  const main =
    Entrypoint.length > 0 ? command('Entrypoint', Entrypoint, config) : command('Cmd', Cmd, config);
  const [kind, ...test] = Healthcheck?.Test ?? [];
  const shell = config.Shell ?? DEFAULT_SHELL;
  const argv = kind === 'CMD' ? test : kind === 'CMD-SHELL' ? [...shell, test.join(' ')] : [];
  return [main, command('Healthcheck', argv, config)].filter((one) => one !== undefined);
}

/** Programs that become process 1 and start what stands behind `--`. */
const INITS = /(?:^|\/)(?:tini|tini-static|dumb-init|catatonit|docker-init)$/;

/** What is started by an init that the image starts, where `--` says which word that is. */
export function behindInit(config: ContainerConfig): Command[] {
  const { Entrypoint = [], Cmd = [] } = config;
  const words = [...Entrypoint, ...Cmd];
  const at = words.indexOf('--') + 1;
  if (at === 0 || !INITS.test(words[0] ?? '')) return [];
  const setting = at < Entrypoint.length ? 'Entrypoint' : 'Cmd';
  return [command(setting, words.slice(at), config)].filter((one) => one !== undefined);
}

function command(setting: Setting, argv: readonly string[], config: ContainerConfig): Command | undefined {
  const [first, ...rest] = argv;
  if (first === undefined) return undefined;
  const line = [config.Shell ?? [], DEFAULT_SHELL]
    .filter((shell) => shell.length > 0 && shell.length + 1 === argv.length)
    .find((shell) => shell.every((word, i) => argv[i] === word));
  const last = argv.at(-1);
  return { setting, argv: [first, ...rest], ...(line && last !== undefined ? { line: last } : {}) };
}

/** A line of a shell that can only have been meant as a list in JSON form: no test command begins like this. */
export function isBrokenList(line: string): boolean {
  return /^\[\s*(?:"[^"]*"|'[^']*'|[\w./-]+)\s*[,\]]/.test(line);
}

/** What a shell finds in itself, as far as somebody begins a command with it. */
const BUILT_IN = new Set(
  '. : [ alias bg break case cd command continue do done echo else eval exec exit export false fg fi for getopts hash if jobs kill let local printf pwd read readonly return set shift source test then time times trap true type ulimit umask unset until wait while'.split(
    ' ',
  ),
);

/**
 * The program that a line of a shell starts, where that is certain: a single plain command, at most with `|| exit 1`
 * behind it. `undefined` for all that needs a shell to be understood.
 */
export function plainProgram(line: string): string | undefined {
  const plain = line.trim().replace(/\s*\|\|\s*(?:exit(?:\s+\d+)?|false)$/, '');
  if (/[;&|<>()`{}\\\n#*?[\]!~]|\$\(/.test(plain.replace(/"[^"]*"|'[^']*'/g, 'x'))) return undefined;
  const [program = ''] = plain.replace(/^exec\s+(?!-)/, '').split(/\s+/);
  return /^[\w./+-]+$/.test(program) && !BUILT_IN.has(program) ? program : undefined;
}
