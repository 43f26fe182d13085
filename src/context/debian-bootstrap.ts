import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LapidaryError } from '../errors/index.ts';
import type { Platform } from '../oci/index.ts';
import { KEYRING, mmdebstrapArguments } from './debian-arguments.ts';
import { bootstrapError, CleanLines } from './debian-output.ts';
import { type AptSource, debianMirror, parseSourceLines, parseSourceParagraphs } from './debian-sources.ts';

const APT_DIRECTORY = '/etc/apt';
/** How long mmdebstrap may take to remove what it has made once it is told to stop. */
const STOP_GRACE_MS = 5000;

export type DebianBootstrap = {
  /** Code name or suite: `trixie`, `stable`. */
  readonly suite: string;
  /** Without documentation, manual pages and translations, as Debian's own slim images; later installs too. */
  readonly slim: boolean;
  readonly platform: Platform;
  /** Packages on top of the minimal set. */
  readonly include: readonly string[];
  /** URI of an archive; default: what this machine's apt uses, else Debian's public name. */
  readonly mirror?: string;
  /** Accepts Release files that have expired. Signatures are verified in any case. */
  readonly allowExpired: boolean;
  /** Takes what happens, a line each, as it happens. Text from programs is cleaned of passwords in URLs only. */
  readonly onLine: (line: string) => void;
  /** What the program is started by, so that it can execute programs of the platform; see `emulateCommand`. */
  readonly prefix?: readonly string[];
  /** The environment of the program; default: this process's. `SOURCE_DATE_EPOCH` there makes the tar reproducible. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

/**
 * Makes a root filesystem of Debian from its archive by mmdebstrap(1): essential packages and apt, without lists,
 * caches and logs. `tar` is the uncompressed archive as it is written; leaving it early or aborting stops the program.
 * `done` settles when the program has ended and cleaned up, and rejects with
 * LapidaryError USAGE, UNSUPPORTED, RUNTIME_MISSING or BOOTSTRAP_FAILED, or with the signal's reason.
 */
export function bootstrapDebian(
  options: DebianBootstrap,
  signal: AbortSignal,
): { readonly tar: AsyncIterable<Uint8Array>; readonly done: Promise<void> } {
  const started = start(options, signal);
  const done = started.then(({ ended }) => ended);
  // Whoever reads the tar sees the same failure; one of both may be left unheard.
  done.catch(() => undefined);
  return { tar: readTar(started, done), done };
}

type Started = { readonly child: ChildProcess; readonly ended: Promise<void>; readonly stop: () => void };

async function start(options: DebianBootstrap, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted();
  if (!existsSync(KEYRING)) {
    throw new LapidaryError(
      'BOOTSTRAP_FAILED',
      `there are no keys to verify Debian's archive with: ${KEYRING}`,
      {
        hint: 'install them: apt-get install debian-archive-keyring',
      },
    );
  }
  const mirror = options.mirror ?? (await hostMirror());
  if (mirror === undefined) {
    throw new LapidaryError(
      'BOOTSTRAP_FAILED',
      "the apt sources of this machine name no mirror of Debian's archive",
      {
        hint: 'name one with --mirror URL',
      },
    );
  }
  const args = mmdebstrapArguments(options, mirror);
  if (options.allowExpired)
    options.onLine('expired Release files are accepted (--allow-expired); signatures are verified');
  // Listeners may have aborted, and hear of it only once.
  signal.throwIfAborted();
  const [starter, ...flags] = options.prefix ?? [];
  const command = starter === undefined ? args : [...flags, 'mmdebstrap', ...args];
  const child = spawn(starter ?? 'mmdebstrap', command, {
    // A process group of its own: a signal reaches apt and dpkg too, and a Ctrl-C only this process.
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.environment && { env: options.environment }),
  });
  const stop = (): void => stopGroup(child);
  signal.addEventListener('abort', stop, { once: true });
  const ended = watch(child, options, signal).finally(() => signal.removeEventListener('abort', stop));
  ended.catch(() => undefined);
  return { child, ended, stop };
}

/** Settles with the program. Its last words become the error. */
async function watch(child: ChildProcess, options: DebianBootstrap, signal: AbortSignal): Promise<void> {
  const lines = new CleanLines(options.onLine);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(error) : error;
  });
  lines.end();
  signal.throwIfAborted();
  if (code !== 0) throw bootstrapError(options.suite, lines.last);
}

function missing(cause: unknown): LapidaryError {
  return new LapidaryError(
    'RUNTIME_MISSING',
    'a base image of Debian is made by mmdebstrap, which is not installed',
    {
      hint: 'install it: apt-get install mmdebstrap debian-archive-keyring',
      cause,
    },
  );
}

async function* readTar(started: Promise<Started>, done: Promise<void>): AsyncGenerator<Uint8Array> {
  const { child, stop } = await started;
  try {
    yield* child.stdout as Readable as AsyncIterable<Uint8Array>;
  } finally {
    // Nothing to stop when it has ended; else the reader has left and the program would write for nobody.
    if (child.stdout?.readableEnded !== true) stop();
  }
  await done;
}

/** mmdebstrap removes its directory and mounts when it is told to end. */
function stopGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  killGroup(pid, 'SIGTERM');
  child.stdout?.destroy();
  const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), STOP_GRACE_MS);
  child.once('close', () => clearTimeout(timer));
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}

/** The mirror this machine installs from, if it is one of Debian. */
async function hostMirror(): Promise<string | undefined> {
  const parts = join(APT_DIRECTORY, 'sources.list.d');
  const names = await readdir(parts).catch((): string[] => []);
  const files = names.map((name) => join(parts, name)).toSorted(compareText);
  files.unshift(join(APT_DIRECTORY, 'sources.list'));
  const sources = await Promise.all(files.map(readSources));
  return debianMirror(sources.flat());
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function readSources(path: string): Promise<AptSource[]> {
  if (!/\.(?:list|sources)$/.test(path)) return [];
  const text = await readFile(path, 'utf8').catch(() => '');
  return path.endsWith('.list') ? parseSourceLines(text) : parseSourceParagraphs(text);
}
