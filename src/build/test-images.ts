import { setTimeout as sleep } from 'node:timers/promises';
import { LapidaryError, quoted } from '../errors/index.ts';
import { type ContainerConfig, formatPlatform, parseImageConfig } from '../oci/index.ts';
import {
  type BuildEvent,
  OutputTail,
  type RunRequest,
  type Runtime,
  type StoredImage,
  type TreeCache,
  type TrialRuntime,
  userOf,
} from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';

export type ImageTests = {
  /** Commands that have to succeed: of the image's shell, or a JSON list of strings. */
  readonly commands: readonly string[];
  /** Whether the image has to become healthy by its own HEALTHCHECK. */
  readonly health: boolean;
};

export type TestPorts = {
  readonly store: LocalStore;
  readonly trees: TreeCache;
  readonly runtime: Runtime & TrialRuntime;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
};

/** Beyond those of steps. */
const FIRST_ID = 1_000_000;
const STAGE = 'test';
const NANOSECONDS_PER_MS = 1e6;
/** Docker's, where a HEALTHCHECK does not say. */
const DEFAULTS = { intervalMs: 30_000, retries: 3 } as const;
/** Nobody waits for an interval of half a minute when the program answers after one second. */
const POLL_MS = 500;

/**
 * Tries images one after the other, since their programs may want the same port: nothing of it stays in them.
 * @throws LapidaryError TEST_FAILED with the last lines of output
 */
export async function testImages(
  images: readonly StoredImage[],
  tests: ImageTests,
  ports: TestPorts,
): Promise<void> {
  const perImage = tests.commands.length + (tests.health ? 1 : 0);
  let id = FIRST_ID;
  for (const image of images) {
    const tested = await openImage(image, ports);
    for (const [i, command] of tests.commands.entries()) {
      const argv = commandLine(command, tested.config);
      await told(
        { id: id++, position: i + 1, of: perImage, title: `TEST ${command}` },
        tested,
        ports,
        (step) => runTest(argv, tested, { ...step, ports }),
      );
    }
    if (!tests.health) continue;
    await told(
      { id: id++, position: perImage, of: perImage, title: 'TEST until healthy' },
      tested,
      ports,
      (step) => untilHealthy(tested, { ...step, ports }),
    );
  }
}

type Tested = {
  readonly image: StoredImage;
  readonly config: ContainerConfig;
  /** Without a command. */
  readonly request: Omit<RunRequest, 'argv'>;
};
type Step = { readonly id: number; readonly tail: OutputTail };
type Running = Step & { readonly ports: TestPorts };

async function openImage(image: StoredImage, ports: TestPorts): Promise<Tested> {
  const { store, trees, runtime } = ports;
  const { config = {} } = parseImageConfig(await store.blobs.readBytes(image.id));
  const { user, home } = await userOf(config.User ?? '', image.layers, { trees, layers: store.layers });
  const env = config.Env ?? [];
  const noHome = home !== undefined && !env.some((line) => line.startsWith('HOME='));
  const request = {
    layers: await trees.unpacked(image.layers, runtime),
    platform: image.platform,
    env: noHome ? [...env, `HOME=${home}`] : env,
    cwd: config.WorkingDir || '/',
    user,
    hostname: 'lapidary',
    network: 'default' as const,
  };
  return { image, config, request };
}

/** As a step of the build. */
async function told(
  step: { readonly id: number; readonly position: number; readonly of: number; readonly title: string },
  { image }: Tested,
  { emit, signal }: TestPorts,
  work: (step: Step) => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const { id } = step;
  emit({ type: 'step-start', step: { ...step, stage: STAGE, platform: formatPlatform(image.platform) } });
  const end = (result: 'done' | 'failed' | 'cancelled'): void =>
    emit({ type: 'step-end', id, result, ms: Math.round(performance.now() - began) });
  try {
    await work({ id, tail: new OutputTail() });
    end('done');
  } catch (error) {
    end(signal.aborted ? 'cancelled' : 'failed');
    throw error;
  }
}

async function runTest(argv: readonly string[], tested: Tested, running: Running): Promise<void> {
  const exitCode = await trial(argv, tested, running, running.ports.signal);
  if (exitCode !== 0) throw failed(tested, `exited with code ${exitCode}: ${argv.join(' ')}`, running);
}

function trial(
  argv: readonly string[],
  tested: Tested,
  running: Running,
  signal: AbortSignal,
): Promise<number> {
  const { id, tail, ports } = running;
  const platform = formatPlatform(tested.image.platform);
  return ports.runtime.trial(
    { ...tested.request, argv },
    {
      signal,
      onOutput: (stream, data) => {
        tail.push(data);
        ports.emit({ type: 'step-output', id, stream, data });
      },
      onEmulated: (emulator) => ports.emit({ type: 'step-emulated', id, platform, emulator }),
    },
  );
}

/** Starts the image's own command, and asks its HEALTHCHECK beside it, in the same network, until that succeeds. */
async function untilHealthy(tested: Tested, running: Running): Promise<void> {
  const check = healthCommand(tested);
  const main = [...(tested.config.Entrypoint ?? []), ...(tested.config.Cmd ?? [])];
  if (main.length === 0) throw failed(tested, 'has no command to run', running);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, running.ports.signal]);
  const ended = trial(main, tested, running, signal).then((exitCode) => {
    throw failed(tested, `ended with exit code ${exitCode} before it was healthy`, running);
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([poll(check, tested, { ...running, signal }), ended]);
  } finally {
    stop.abort();
    await ended.catch(() => undefined);
  }
}

async function poll(
  argv: readonly string[],
  tested: Tested,
  { signal, ...running }: Running & { readonly signal: AbortSignal },
): Promise<void> {
  const { StartPeriod = 0, Interval = 0, Retries = 0, Timeout = 0 } = tested.config.Healthcheck ?? {};
  const intervalMs = Interval > 0 ? Interval / NANOSECONDS_PER_MS : DEFAULTS.intervalMs;
  const patienceMs = StartPeriod / NANOSECONDS_PER_MS + (Retries || DEFAULTS.retries) * intervalMs;
  const timeoutMs = Timeout > 0 ? Timeout / NANOSECONDS_PER_MS : DEFAULTS.intervalMs;
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeoutMs))]);
    const exitCode = await trial(argv, tested, running, limited).catch((error: unknown) => {
      signal.throwIfAborted();
      if (limited.aborted) return undefined;
      throw error;
    });
    if (exitCode === 0) return;
    if (performance.now() > deadline) {
      const seconds = Math.round(patienceMs / 1000);
      throw failed(tested, `was not healthy within ${seconds} s: ${argv.join(' ')}`, running);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function healthCommand({ config, image }: Tested): readonly string[] {
  const [kind, ...rest] = config.Healthcheck?.Test ?? [];
  if (kind === 'CMD' && rest.length > 0) return rest;
  if (kind === 'CMD-SHELL') return [...(config.Shell ?? ['/bin/sh', '-c']), rest.join(' ')];
  throw new LapidaryError(
    'TEST_FAILED',
    `the image for ${formatPlatform(image.platform)} has no HEALTHCHECK to be tested by`,
    { hint: 'add one to the Dockerfile, or use --test COMMAND' },
  );
}

/** @throws LapidaryError USAGE for a list that is malformed */
function commandLine(command: string, { Shell = ['/bin/sh', '-c'] }: ContainerConfig): readonly string[] {
  if (!command.trimStart().startsWith('[')) return [...Shell, command];
  try {
    const list: unknown = JSON.parse(command);
    const isList = Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string');
    if (isList) return list;
  } catch {
    // As for any other list that is none
  }
  throw new LapidaryError('USAGE', `--test is not a list of strings: ${quoted(command)}`, {
    hint: 'expected a command line, or JSON such as ["/hello", "--version"]',
  });
}

function failed({ image }: Tested, what: string, { tail }: Step): LapidaryError {
  const lines = tail.lines();
  const notes =
    lines.length === 0 ? ['it printed nothing'] : ['its last output:', ...lines.map((line) => `  ${line}`)];
  return new LapidaryError('TEST_FAILED', `the image for ${formatPlatform(image.platform)} ${what}`, {
    notes,
    hint: 'no name was moved and nothing was pushed',
  });
}
