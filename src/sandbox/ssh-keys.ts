import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { LapidaryError } from '../errors/index.ts';
import { ownProcesses } from './own-processes.ts';
import { requireProgram } from './programs.ts';

const HINT = 'install it: apt-get install openssh-client';
const ENV = { LC_ALL: 'C', SSH_ASKPASS_REQUIRE: 'never' };

/** An ssh-agent of our own that holds the given keys, as long as it is not disposed. The keys only pass through pipes. */
export class SshKeys implements Disposable {
  readonly #agent: ChildProcess;

  /**
   * `name` is where its socket will be in `directory`.
   * @throws LapidaryError RUNTIME_MISSING, MOUNT_FAILED for a key that cannot be used
   */
  static async open(
    keys: readonly Uint8Array[],
    {
      directory,
      name,
      searchPath,
    }: { readonly directory: string; readonly name: string; readonly searchPath: string },
  ): Promise<SshKeys> {
    const [agent, add] = ['ssh-agent', 'ssh-add'].map((one) =>
      requireProgram(one, { searchPath, hint: HINT }),
    );
    const child = spawn(agent ?? '', ['-D', '-a', name], {
      cwd: directory,
      env: ENV,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    using opened = new DisposableStack();
    const result = opened.use(new SshKeys(child));
    // It says where it listens once it does
    await Promise.race([once(child.stdout, 'data'), once(child, 'close').then(refuseEnd)]);
    child.stdout.resume();
    for (const key of keys) await addKey(add ?? '', key, { directory, name });
    opened.move();
    return result;
  }

  private constructor(agent: ChildProcess) {
    this.#agent = agent;
    own(agent);
  }

  [Symbol.dispose](): void {
    this.#agent.kill('SIGKILL');
  }
}

function own(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  ownProcesses.add(pid);
  child.once('exit', () => ownProcesses.delete(pid));
}

function refuseEnd(): never {
  throw new LapidaryError('MOUNT_FAILED', 'ssh-agent ended before it could be asked', {
    hint: 'try ssh-agent -D by hand',
  });
}

async function addKey(
  program: string,
  key: Uint8Array,
  { directory, name }: { readonly directory: string; readonly name: string },
): Promise<void> {
  const env = { ...ENV, SSH_AUTH_SOCK: name };
  const child = spawn(program, ['-q', '-'], { cwd: directory, env, stdio: ['pipe', 'ignore', 'pipe'] });
  own(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(key);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return;
  throw new LapidaryError('MOUNT_FAILED', 'an SSH key that was given with --ssh cannot be used', {
    notes: said.split('\n').filter((line) => line !== ''),
    hint: 'a key with a passphrase must be added to an agent: ssh-add KEY, and --ssh default',
  });
}
