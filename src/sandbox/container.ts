import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fchownSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { LapidaryError } from '../errors/index.ts';
import { type ContainerRequest, runtimeSpec } from './oci-spec.ts';
import { ownProcesses } from './own-processes.ts';
import { descendantsOf, listProcesses, signalProcess } from './processes.ts';
import type { RuntimeProgram } from './protocol.ts';
import type { Syscalls } from './syscalls.ts';
import { TERMINAL_SOCKET, type Terminal } from './terminal.ts';

/** How long a runtime whose container was killed may take to notice. */
const RUNTIME_GRACE_MS = 2000;

export type ContainerIo =
  /** The container writes to what this process has. */
  | { readonly type: 'inherit'; readonly terminal?: Terminal }
  | {
      readonly type: 'pipes';
      readonly stdin?: Uint8Array;
      /** Awaited before more is read: this is what holds back a container that is too fast. */
      readonly onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => Promise<void>;
    };

type ContainerOptions = {
  readonly syscalls: Syscalls;
  readonly runtime: RuntimeProgram;
  /** Open files of cgroups that take the processes. */
  readonly cgroups: readonly number[];
  /** Becomes the bundle. Belongs to the caller. */
  readonly directory: string;
  readonly id: string;
  readonly request: ContainerRequest;
  readonly io: ContainerIo;
};

/** A container in the foreground, from its start to its end. */
export class Container {
  readonly #options: ContainerOptions;
  readonly #process: ChildProcess;
  readonly #finished: Promise<number>;

  /** Starts it. The caller awaits `finished`. */
  constructor(options: ContainerOptions) {
    this.#options = options;
    writeFileSync(`${options.directory}/config.json`, JSON.stringify(runtimeSpec(options.request)));
    const { child, done } = startRuntime(options);
    this.#process = child;
    this.#finished = this.#finish(done);
    this.#finished.catch(() => undefined);
  }

  /**
   * Exit code of the container's first process, 128 + n when signal n killed it; 127 and 126 when the command was
   * not found or could not be executed, the runtime has then said so on its standard error. All processes are
   * gone and all output was handed over by then.
   * @throws LapidaryError SANDBOX_FAILED when there was no container at all
   */
  get finished(): Promise<number> {
    return this.#finished;
  }

  /** Forwards a signal to the container's first process, or, where it concerns the terminal, to the runtime. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    const { io } = this.#options;
    if (signal === 'SIGWINCH' && io.type === 'inherit' && io.terminal !== undefined) io.terminal.resize();
    else if (signal === 'SIGWINCH') signalProcess(pid, signal);
    const first = [...listProcesses()].find(([, parent]) => parent === pid);
    if (signal !== 'SIGWINCH' && first !== undefined) signalProcess(first[0], signal);
  }

  /** Kills every process of the container; `finished` settles soon after. */
  kill(): void {
    const { pid } = this.#process;
    if (pid === undefined || this.#process.exitCode !== null) return;
    const below = descendantsOf(pid, listProcesses());
    for (const descendant of below) signalProcess(descendant, 'SIGKILL');
    if (below.length === 0) signalProcess(pid, 'SIGKILL');
    else setTimeout(() => this.#process.kill('SIGKILL'), RUNTIME_GRACE_MS).unref();
  }

  async #finish(done: Promise<Exit>): Promise<number> {
    const { pid } = this.#process;
    if (pid !== undefined) ownProcesses.add(pid);
    const { code, signal, ...said } = await done;
    if (pid !== undefined) ownProcesses.delete(pid);
    killOrphans(this.#options.syscalls);
    if (code === null) return 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0);
    if (code === 0) return 0;
    const problem = runtimeError(`${this.#options.directory}/log`) ?? (code === 1 ? said.problem : undefined);
    return problem === undefined ? code : exitCodeOf(problem, this.#options.runtime);
  }
}

/** Only a runtime that was killed leaves processes behind; as process 1 we inherit them. */
function killOrphans(syscalls: Syscalls): void {
  for (const [pid, parent] of listProcesses()) {
    if (parent !== process.pid || ownProcesses.has(pid)) continue;
    signalProcess(pid, 'SIGKILL');
    syscalls.reap(pid);
  }
}

function runtimeArguments({ runtime, directory, id, io }: ContainerOptions): string[] {
  const log = ['--root', `${directory}/state`, '--log', `${directory}/log`, '--log-format', 'json'];
  const noCgroups = runtime.name === 'crun' ? ['--cgroup-manager=disabled'] : [];
  const socket =
    io.type === 'inherit' && io.terminal !== undefined ? ['--console-socket', TERMINAL_SOCKET] : [];
  return [...log, ...noCgroups, 'run', ...socket, '--bundle', directory, id];
}

/** A process that writes 0 into such a file moves itself: cgroups(7). The runtime and all that it starts are in there then. */
const ENTER =
  'while [ "$1" != -- ]; do eval "echo 0 >&$1 && exec $1>&-" || exit 125; shift; done; shift; exec "$@"';

type CommandLine = {
  readonly program: string;
  readonly args: readonly string[];
  /** Descriptors from 3 on. */
  readonly inherited: readonly number[];
};

function commandLine(options: ContainerOptions): CommandLine {
  const { cgroups, runtime, request } = options;
  const [program = '', ...args] = [...(request.before ?? []), runtime.path, ...runtimeArguments(options)];
  if (cgroups.length === 0) return { program, args, inherited: [] };
  const numbers = cgroups.map((_, i) => String(i + 3));
  return {
    program: '/bin/sh',
    args: ['-c', ENTER, 'sh', ...numbers, '--', program, ...args],
    inherited: cgroups,
  };
}

type Exit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What the runtime said after it had become the container. */
  readonly problem?: string | undefined;
};
type Started = { readonly child: ChildProcess; readonly done: Promise<Exit> };

function startRuntime(options: ContainerOptions): Started {
  const { io, syscalls, directory, request } = options;
  const settings = { cwd: directory, env: {} };
  const { program, args, inherited } = commandLine(options);
  if (io.type === 'inherit') {
    const stdio = ['inherit' as const, 'inherit' as const, 'inherit' as const, ...inherited];
    const child = spawn(program, args, { ...settings, stdio });
    const ended = exitOf(child);
    return { child, done: Promise.all([ended, io.terminal?.relay(ended)]).then(([exit]) => exit) };
  }
  // Real pipes, owned by the command's user: Node's own are sockets, which cannot be opened as /dev/stdout.
  const [stdout, stderr] = [syscalls.pipe(), syscalls.pipe()];
  const stdin = openStdin(`${directory}/stdin`, io.stdin);
  for (const fd of [stdin, stdout.write, stderr.write]) fchownSync(fd, request.user.uid, request.user.gid);
  const stdio = [stdin, stdout.write, stderr.write];
  const child = spawn(program, args, { ...settings, stdio: [...stdio, ...inherited] });
  for (const fd of stdio) closeSync(fd);
  let problem: string | undefined;
  const pump = async (name: 'stdout' | 'stderr', fd: number): Promise<void> => {
    for await (const data of new Socket({ fd, readable: true, writable: false })) {
      const words = name === 'stderr' ? lastWords(data as Uint8Array) : undefined;
      problem = words ?? problem;
      await io.onOutput(name, words === undefined ? (data as Uint8Array) : Buffer.from(`${words}\n`));
    }
  };
  const done = Promise.all([exitOf(child), pump('stdout', stdout.read), pump('stderr', stderr.read)]);
  return { child, done: done.then(([exit]) => ({ ...exit, problem })) };
}

/**
 * What crun says in the container's place, on its standard error, when it is too late for its log: as it would stand
 * there.
 */
function lastWords(data: Uint8Array): string | undefined {
  if (data.length > 8192) return undefined;
  const text = Buffer.from(data).toString();
  const [, message] =
    /^\{"msg":("exec container process (?:[^"\\]|\\.)*"),"level":"error"[^\n]*\}\n$/.exec(text) ?? [];
  return message === undefined ? undefined : (JSON.parse(message) as string);
}

/** Standard input from a file, so that a command that does not read it all is no error. */
function openStdin(path: string, bytes: Uint8Array = new Uint8Array()): number {
  writeFileSync(path, bytes, { mode: 0o600 });
  return openSync(path, 'r');
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

/** The last error in a runtime's log; `undefined` when the container ran. */
function runtimeError(log: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch {
    return undefined;
  }
  const errors = text.split('\n').flatMap((line) => {
    const match = /"level" *: *"error"/.test(line) ? /"msg" *: *("(?:[^"\\]|\\.)*")/.exec(line) : null;
    return match?.[1] === undefined ? [] : [JSON.parse(match[1]) as string];
  });
  return errors.at(-1);
}

/** What a shell would answer for a command that cannot be executed. */
function exitCodeOf(problem: string, runtime: RuntimeProgram): number {
  if (/executable file .* not found|exec: .*no such file/i.test(problem)) return 127;
  if (/open executable|exec container process|exec: |exec format|permission denied.*exec/i.test(problem))
    return 126;
  throw new LapidaryError('SANDBOX_FAILED', `${runtime.name} could not start the container: ${problem}`, {
    hint: 'run `lapidary doctor` to see what this machine allows',
  });
}
