import { SourceError } from '../errors/index.ts';
import type { Op } from '../plan/index.ts';
import { type Layer, type LayerId, resolveOwner } from '../tree/index.ts';
import type { EventSink } from './events.ts';
import { readTextFile } from './image-files.ts';
import { OutputTail } from './output-tail.ts';
import type { LayerStore, RunRequest, Runtime } from './ports.ts';
import type { TreeCache } from './tree-cache.ts';

type RunOp = Extract<Op, { op: 'run' }>;

export type RunPorts = {
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
  { stack, id }: { stack: readonly LayerId[]; id: number },
  ports: RunPorts,
): Promise<Layer> {
  const { command } = op;
  const request: RunRequest = {
    layers: stack,
    argv: command.argv,
    env: [...command.env, ...command.hiddenEnv],
    cwd: command.cwd,
    user: await userOf(command.user, stack, ports),
    hostname: HOSTNAME,
    network: command.network,
    files: command.files.map((file) => ({ ...file, mode: 0o755 })),
  };
  const tail = new OutputTail();
  const result = await ports.runtime.run(request, {
    signal: ports.signal,
    onOutput: (stream, data) => {
      tail.push(data);
      ports.events.emit({ type: 'step-output', id, stream, data });
    },
  });
  if (result.ok) return result.layer;
  throw runFailed(op, result, tail);
}

/** Names are looked up in the image itself; root without a name needs no look. */
export async function userOf(
  user: string,
  stack: readonly LayerId[],
  { trees, layers }: Pick<RunPorts, 'trees' | 'layers'>,
): Promise<RunRequest['user']> {
  if (user === '') return { uid: 0, gid: 0, groups: [] };
  const tree = await trees.of(stack);
  const [passwd, group] = await Promise.all([
    readTextFile(tree, 'etc/passwd', layers),
    readTextFile(tree, 'etc/group', layers),
  ]);
  return resolveOwner(user, {
    ...(passwd === undefined ? {} : { passwd }),
    ...(group === undefined ? {} : { group }),
  });
}

function runFailed(op: RunOp, result: { exitCode: number; signal?: string }, tail: OutputTail): SourceError {
  const how =
    result.signal === undefined ? `exited with code ${result.exitCode}` : `was killed by ${result.signal}`;
  const lines = tail.lines();
  return new SourceError('RUN_FAILED', `the command ${how}: ${op.command.argv.join(' ')}`, op.origin.at, {
    notes:
      lines.length === 0 ? ['it printed nothing'] : ['its last output:', ...lines.map((line) => `  ${line}`)],
    hint: exitHint(result.exitCode, result.signal),
  });
}

function exitHint(exitCode: number, signal: string | undefined): string | undefined {
  if (signal === 'SIGKILL' || exitCode === 137) return 'killed from outside: often out of memory';
  if (exitCode === 127) return 'a program of the command line is not in the image';
  if (exitCode === 126) return 'a program of the command line is there but cannot be executed';
  return undefined;
}
