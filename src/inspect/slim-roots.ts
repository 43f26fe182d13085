import { basename } from 'node:path/posix';
import type { Found } from '../elf/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Setting } from '../plan/index.ts';
import { type Command, commandsOf, plainProgram } from './command-line.ts';
import { instructionOf } from './finding.ts';
import { locate } from './locate.ts';
import type { Scene } from './scene.ts';

/** A path that is kept with all that it needs, and why. */
export type SlimRoot = {
  /** Absolute. */
  readonly path: string;
  readonly why: string;
};

export type CommandRoots = {
  readonly roots: readonly SlimRoot[];
  /** Programs that are started, links to them not followed by name. */
  readonly programs: readonly Found[];
  /** Why more may be needed than is known. */
  readonly doubts: readonly string[];
};

/** Programs that start what is named behind their flags. */
const WRAPPERS =
  /^(?:tini|tini-static|dumb-init|catatonit|docker-init|env|exec|gosu|nice|nohup|setpriv|stdbuf|su-exec|timeout)$/;
/** Programs that load others, by the name that they are started by or that it leads to. */
const INTERPRETERS =
  /^(?:(?:ba|da|a|k|z|fi|mk)?sh|python|perl|ruby|node|nodejs|deno|bun|php|java|lua|luajit|tclsh|erl|elixir|guile|Rscript|mono|dotnet|crystal)[\d.]*$/;
/** By its own name it is told what to be; by any other it is one program. */
const MANY_IN_ONE = /^(?:busybox|toybox)$/;
/** Directories that hold what is not the application's. */
const SYSTEM = /^\/(?:bin|boot|dev|etc|home|lib|lib64|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?$/;

/** What an image starts, and what its command lines name. @throws LapidaryError PATH_NOT_FOUND */
export async function commandRoots(scene: Scene): Promise<CommandRoots> {
  const walk = new CommandWalk(scene);
  for (const command of commandsOf(scene.config)) await walk.command(command);
  return walk;
}

class CommandWalk implements CommandRoots {
  readonly roots: SlimRoot[] = [];
  readonly programs: Found[] = [];
  readonly doubts: string[] = [];
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async command({ setting, argv, line }: Command): Promise<void> {
    if (line === undefined) {
      const more = setting === 'Entrypoint' ? (this.#scene.config.Cmd ?? []) : [];
      return this.#words(setting, [...argv, ...more]);
    }
    this.#program(setting, argv[0]);
    const name = plainProgram(line);
    if (name === undefined)
      this.doubts.push(`${instructionOf(setting)} is the line of a shell ${quoted(line)}`);
    else
      await this.#words(
        setting,
        line
          .replace(/^\s*exec\s+/, '')
          .trim()
          .split(/\s+/),
      );
  }

  /** A command line: its program, what that starts, and the paths that it names. */
  async #words(setting: Setting, [name = '', ...rest]: readonly string[]): Promise<void> {
    const found = this.#program(setting, name);
    for (const word of rest) this.#argument(setting, word);
    if (WRAPPERS.test(basename(name))) {
      const next = rest.findIndex(
        (word) => !word.startsWith('-') && locate(this.#scene, word).found !== undefined,
      );
      if (next >= 0) return this.#words(setting, rest.slice(next));
    }
    const { files } = this.#scene;
    const script = (await files.object(found)) === undefined ? await files.shebang(found) : undefined;
    const said = `${instructionOf(setting)} ${quoted(name)}`;
    if (script !== undefined) this.doubts.push(`${said} is a script for ${quoted(script.interpreter)}`);
    else if (
      [name, found.path].some((one) => INTERPRETERS.test(basename(one))) ||
      MANY_IN_ONE.test(basename(name))
    )
      this.doubts.push(`${said} is an interpreter, which loads other programs`);
  }

  #program(setting: Setting, name: string): Found {
    const { found, problem } = locate(this.#scene, name);
    if (found === undefined) {
      const why = problem?.message ?? 'it is not in the image';
      throw new LapidaryError('PATH_NOT_FOUND', `${instructionOf(setting)} ${quoted(name)}: ${why}`, {
        hint: problem?.hint,
      });
    }
    this.roots.push({ path: `/${found.path}`, why: instructionOf(setting) });
    this.programs.push(found);
    return found;
  }

  /** Files and directories of the application, as `--config=/etc/app.conf` names them. */
  #argument(setting: Setting, word: string): void {
    const path = /^(?:[^/]*=)?(\/.*)$/.exec(word)?.[1];
    if (path === undefined || SYSTEM.test(path.replace(/\/+$/, ''))) return;
    if (this.#scene.files.resolve(path).node === undefined) return;
    this.roots.push({ path, why: `named by ${instructionOf(setting)}` });
  }
}
