import { spawn } from 'node:child_process';
import { LapidaryError } from '../errors/index.ts';

/** How git is started. Nothing of the user's or the machine's configuration reaches it. */
export type GitEnvironment = {
  /** Where git and ssh are looked for, like `$PATH`. */
  readonly searchPath: string;
  /** Values of `HTTP_PROXY` and its relatives. */
  readonly proxy: Readonly<Record<string, string>>;
  /** Files of host keys for ssh. */
  readonly knownHosts: readonly string[];
  /** Socket of an agent for ssh; without one only what needs no key can be fetched by ssh. */
  readonly sshAgent?: string;
  /** Or files with private keys for it. */
  readonly sshKeys?: readonly string[];
  /** Further settings that must not be seen on the command line. */
  readonly settings?: readonly (readonly [name: string, value: string])[];
  /** `file` is for tests. */
  readonly protocols?: readonly string[];
};

const PROTOCOLS = ['https', 'http', 'ssh', 'git'];
const MAX_OUTPUT = 64 * 2 ** 20;
const MAX_COMPLAINT = 8192;

const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.attributesFile', '/dev/null'],
  ['core.excludesFile', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['credential.helper', ''],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['init.defaultBranch', 'main'],
  ['advice.detachedHead', 'false'],
  // A server that stops sending is given up
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '60'],
];

export type GitCall = {
  readonly cwd: string;
  readonly environment: GitEnvironment;
  readonly signal: AbortSignal;
};

/** A git that did not succeed: `complaint` is the end of what it wrote to standard error. */
export class GitFailure extends Error {
  readonly complaint: string;

  constructor(complaint: string) {
    super(complaint);
    this.complaint = complaint;
  }
}

/**
 * Runs git and gives its output. It may ask nobody anything, runs no hooks, and speaks only the protocols of the network.
 * @throws GitFailure; LapidaryError RUNTIME_MISSING when there is no git; `signal.reason`
 */
export async function runGit(
  args: readonly string[],
  { cwd, environment, signal }: GitCall,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn('git', args, {
    cwd,
    env: variables(environment, cwd),
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a group of its own: what it starts ends with it
    detached: true,
  });
  const kill = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener('abort', kill, { once: true });
  const output: Buffer[] = [];
  let [size, complaint] = [0, ''];
  child.stdout.on('data', (data: Buffer) => {
    size += data.length;
    if (size > MAX_OUTPUT) kill();
    else output.push(data);
  });
  child.stderr.on('data', (data: Buffer) => {
    complaint = `${complaint}${data.toString()}`.slice(-MAX_COMPLAINT);
  });
  try {
    const code = await exitOf(child);
    signal.throwIfAborted();
    if (code !== 0 || size > MAX_OUTPUT) throw new GitFailure(complaint.trim() || `git ended with ${code}`);
    return Buffer.concat(output).toString();
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already
  }
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  child.once('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') reject(cause);
    reject(
      new LapidaryError('RUNTIME_MISSING', 'git is not installed, and a git source needs it', {
        hint: 'install git, or add a directory or an archive instead',
        cause,
      }),
    );
  });
  return promise;
}

function variables(environment: GitEnvironment, home: string): Record<string, string> {
  const { searchPath, proxy, sshAgent, settings = [], protocols = PROTOCOLS } = environment;
  const all = [...SETTINGS, ...settings];
  const config = all.flatMap(([name, value], i): [string, string][] => [
    [`GIT_CONFIG_KEY_${i}`, name],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return {
    ...proxy,
    PATH: searchPath,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(config),
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_SSH_COMMAND: sshCommand(environment),
    GIT_SSH_VARIANT: 'ssh',
    ...(sshAgent === undefined ? {} : { SSH_AUTH_SOCK: sshAgent }),
  };
}

/** Never the user's own keys or configuration: only an agent or keys that were handed over. */
function sshCommand({ knownHosts, sshKeys = [] }: GitEnvironment): string {
  const hosts = knownHosts.filter((path) => /^[\w./-]+$/.test(path)).join(' ') || '/dev/null';
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=30',
    `UserKnownHostsFile=${hosts}`,
    ...(sshKeys.length === 0 ? ['IdentityFile=none'] : ['IdentitiesOnly=yes', 'IdentityAgent=none']),
    // ssh replaces what stands behind a percent sign, and takes quotes for its own
    ...sshKeys.map((path) => `IdentityFile="${path.replaceAll('%', '%%').replaceAll(/["\\]/g, '\\$&')}"`),
  ];
  return `ssh -F none ${options.map((option) => `-o ${shellQuoted(option)}`).join(' ')}`;
}

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
