import { LapidaryError, SourceError } from '../errors/index.ts';
import { formatPlatform } from '../oci/index.ts';
import type { Op } from '../plan/index.ts';
import { type Layer, resolveOwner } from '../tree/index.ts';
import type { EventSink } from './events.ts';
import { readTextFile } from './image-files.ts';
import { Mask } from './mask.ts';
import type { MountContent } from './mount-content.ts';
import { OutputTail } from './output-tail.ts';
import type { Credentials, LayerStore, RunRequest, Runtime, StackLayer } from './ports/index.ts';
import { readyMounts } from './run-mounts.ts';
import type { TreeCache } from './tree-cache.ts';

type RunOp = Extract<Op, { op: 'run' }>;

export type RunPorts = {
  readonly credentials: Credentials;
  readonly runtime: Runtime;
  readonly layers: LayerStore;
  readonly trees: TreeCache;
  readonly events: EventSink;
  readonly signal: AbortSignal;
};

/** The host name a command sees; fixed, because some commands write it into what they make. */
const HOSTNAME = 'lapidary';

/**
 * Runs a command over a stack of layers and returns the layer it made.
 * @throws SourceError RUN_FAILED with the exit code and the last lines of output
 */
export async function runStep(
  op: RunOp,
  {
    stack,
    id,
    contents,
  }: { stack: readonly StackLayer[]; id: number; contents: readonly (MountContent | undefined)[] },
  ports: RunPorts,
): Promise<Layer> {
  const { command } = op;
  const { mounts, secrets } = await readyMounts(command.mounts, contents, ports.credentials);
  const { user, home } = await userOf(command.user, stack, ports);
  const env = [...command.env, ...command.hiddenEnv];
  // Runtimes do not agree on the home of a user that is not listed
  const noHome = home !== undefined && !env.some((line) => line.startsWith('HOME='));
  const request: RunRequest = {
    layers: await ports.trees.unpacked(stack, unpackingFor(command, ports.runtime)),
    platform: command.platform,
    argv: command.argv,
    env: noHome ? [...env, `HOME=${home}`] : env,
    cwd: command.cwd,
    user,
    hostname: command.hostname ?? HOSTNAME,
    network: command.network,
    files: command.files.map((file) => ({ ...file, mode: 0o755 })),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...(command.insecure ? { insecure: true } : {}),
  };
  const tail = new OutputTail();
  const output = masked(secrets, (stream, data) => {
    tail.push(data);
    ports.events.emit({ type: 'step-output', id, stream, data });
  });
  try {
    const platform = formatPlatform(command.platform);
    const onEmulated = (emulator: string): void =>
      ports.events.emit({ type: 'step-emulated', id, platform, emulator });
    // Whoever looks at what comes out needs it, and this process has little to do now
    ports.trees.of(stack).catch(() => undefined);
    const result = await ports.runtime.run(request, {
      signal: ports.signal,
      onOutput: output.write,
      onEmulated,
    });
    output.end();
    if (result.ok) return result.layer;
    throw runFailed(op, result, tail);
  } catch (error) {
    throw mountTrouble(error, op);
  }
}

type Write = (stream: 'stdout' | 'stderr', data: Uint8Array) => void;

/** Secrets that a command prints are not shown. */
function masked(secrets: readonly Uint8Array[], write: Write): { readonly write: Write; end(): void } {
  if (secrets.length === 0) return { write, end: () => undefined };
  const masks = { stdout: new Mask(secrets), stderr: new Mask(secrets) };
  const pass: Write = (stream, data) => {
    if (data.length > 0) write(stream, data);
  };
  return {
    write: (stream, data) => pass(stream, masks[stream].push(data)),
    end: () => {
      for (const stream of ['stdout', 'stderr'] as const) pass(stream, masks[stream].end());
    },
  };
}

/** The sandbox knows targets: which option of the instruction one comes from is known here. */
function mountTrouble(error: unknown, op: RunOp): unknown {
  if (!(error instanceof LapidaryError) || error instanceof SourceError || error.code !== 'MOUNT_FAILED')
    return error;
  const found = op.command.mounts.find(
    ({ target }) => target !== undefined && error.message.includes(JSON.stringify(target)),
  );
  if (found === undefined) return error;
  return new SourceError(error.code, error.message, found.at, { hint: error.hint, notes: error.notes });
}

/** Names are looked up in the image itself; root without a name and its home are left to who has the files. */
export async function userOf(
  user: string,
  stack: readonly StackLayer[],
  { trees, layers }: Pick<RunPorts, 'trees' | 'layers'>,
): Promise<{ readonly user: RunRequest['user']; readonly home?: string }> {
  if (user === '') return { user: 'default' };
  const tree = await trees.of(stack);
  const [passwd, group] = await Promise.all([
    readTextFile(tree, 'etc/passwd', layers),
    readTextFile(tree, 'etc/group', layers),
  ]);
  const { home, ...ids } = resolveOwner(user, {
    ...(passwd === undefined ? {} : { passwd }),
    ...(group === undefined ? {} : { group }),
  });
  return { user: ids, home };
}

function runFailed(op: RunOp, result: { exitCode: number; signal?: string }, tail: OutputTail): SourceError {
  const how =
    result.signal === undefined ? `exited with code ${result.exitCode}` : `was killed by ${result.signal}`;
  const lines = tail.lines();
  return new SourceError('RUN_FAILED', `the command ${how}: ${commandLine(op)}`, op.origin.at, {
    notes:
      lines.length === 0 ? ['it printed nothing'] : ['its last output:', ...lines.map((line) => `  ${line}`)],
    hint: exitHint(result.exitCode, result.signal),
    ...(result.signal === undefined && { exitCode: result.exitCode }),
  });
}

/** The beginning of a script is enough: all of it is in the Dockerfile. */
function commandLine({ command: { argv } }: RunOp): string {
  const text = argv.join(' ');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function exitHint(exitCode: number, signal: string | undefined): string | undefined {
  if (signal === 'SIGKILL' || exitCode === 137) return 'killed from outside: often out of memory';
  if (exitCode === 127) return 'a program of the command line is not in the image';
  if (exitCode === 126) return 'a program of the command line is there but cannot be executed';
  return undefined;
}

/** Says what the command will need, while there is time to make it ready. */
function unpackingFor({ network }: RunOp['command'], runtime: Runtime): Pick<Runtime, 'unpack'> {
  return { unpack: (request, io) => runtime.unpack({ ...request, network }, io) };
}
