import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

const sshd = '/usr/sbin/sshd';

/**
 * OpenSSH's own server on a free port of the loopback interface, one process per connection, for the user that runs the
 * tests and one key. Its files are in a directory; what it needs in /run it has in a mount namespace of its own.
 */
export class SshServer implements Disposable {
  readonly #server: Server;
  /** The private key that it lets in. */
  readonly key: string;
  /** The line of its own key for a file of known hosts. */
  readonly knownHost: string;

  private constructor(server: Server, parts: { readonly key: string; readonly hostKey: string }) {
    this.#server = server;
    this.key = parts.key;
    this.knownHost = `[127.0.0.1]:${this.#port} ${parts.hostKey}\n`;
  }

  static async start(directory: string): Promise<SshServer> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const at = (name: string): string => join(directory, name);
    for (const name of ['host', 'client'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
    await writeFile(at('authorized'), await readFile(at('client.pub')));
    await writeFile(
      at('config'),
      [
        `HostKey ${at('host')}`,
        `AuthorizedKeysFile ${at('authorized')}`,
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PermitRootLogin prohibit-password',
        'LogLevel QUIET',
        '',
      ].join('\n'),
    );
    await chmod(at('client'), 0o600);
    const server = createServer((socket) => {
      const own = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"';
      const argv = ['-m', 'sh', '-c', own, 'sh', sshd, '-i', '-f', at('config')];
      const child = spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
      socket.pipe(child.stdin);
      child.stdout.pipe(socket);
      for (const stream of [socket, child.stdin]) stream.on('error', () => child.kill());
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const [type, key] = (await readFile(at('host.pub'), 'utf8')).split(' ');
    return new SshServer(server, { key: at('client'), hostKey: `${type} ${key}` });
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address of a repository by its absolute path. */
  url(path: string): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.#port}${path}`;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}
