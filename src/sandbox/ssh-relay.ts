import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Owner } from '../solve/index.ts';

/** OpenSSH's own limit, AGENT_MAX_LEN. */
const MAX_MESSAGE = 256 * 1024;
/** draft-ietf-sshm-ssh-agent, "Message Numbers": listing keys, and signing with one. */
const ALLOWED: ReadonlySet<number> = new Set([11, 13]);
/** SSH_AGENT_FAILURE as a whole message. */
const FAILURE = Buffer.from([0, 0, 0, 1, 5]);

/**
 * A socket that stands for an SSH agent: a step may ask for its keys and have it sign; to add, remove or lock keys and
 * everything else is refused, as in BuildKit. `path` and `agent` are short enough for addresses of sockets.
 */
export class SshRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  static async open(path: string, agent: string, owner: Owner): Promise<SshRelay> {
    const relay = new SshRelay(agent);
    relay.#server.listen(path);
    await once(relay.#server, 'listening');
    chownSync(path, owner.uid, owner.gid);
    chmodSync(path, owner.mode & 0o777);
    return relay;
  }

  private constructor(agent: string) {
    this.#server = createServer((client) => {
      const upstream = connect(agent);
      for (const socket of [client, upstream]) {
        this.#open.add(socket);
        socket.on('error', () => socket.destroy());
        socket.once('close', () => {
          this.#open.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      void serve(client, upstream).finally(() => client.destroy());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

/** One question after the other: an answer belongs to the question before it. */
async function serve(client: Socket, agent: Socket): Promise<void> {
  try {
    const answers = messages(agent);
    for await (const question of messages(client)) {
      if (ALLOWED.has(question[4] ?? 0)) {
        agent.write(question);
        const answer = await answers.next();
        if (answer.done) return;
        client.write(answer.value);
      } else client.write(FAILURE);
    }
  } catch {
    // A peer that does not keep to the protocol, or is gone: the connection ends, whoever needs it says so
  }
}

/** Whole messages, their length in front: u32, big endian, then as many bytes. */
async function* messages(socket: Socket): AsyncGenerator<Buffer, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer]);
    while (held.length >= 4) {
      const size = 4 + held.readUInt32BE(0);
      if (size > MAX_MESSAGE || size === 4) throw new Error('no message of an agent');
      if (held.length < size) break;
      yield held.subarray(0, size);
      held = held.subarray(size);
    }
  }
}
