import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, read, write } from 'node:fs';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { type ForeignFunction, openForeignLibrary, SyscallError } from '../host/index.ts';

/** Name of the socket in the container's directory, from which the runtime is started. */
export const TERMINAL_SOCKET = 'terminal';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const CLOEXEC = 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SHUT_RDWR = 2;
/** ioctl_tty(2) */
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
/** termios(3); the structure has 60 bytes, or fewer. */
const TCSADRAIN = 1;
const SIZEOF_TERMIOS = 256;
const [STDIN, STDOUT] = [0, 1];

const readOnce = promisify(read);
const writeOnce = promisify(write);

/**
 * The terminal of a container. The runtime makes it and sends its other end, as runc(8) describes for `--console-socket`;
 * what is said on it is passed on here until the last process has closed it. crun itself stops when the first process ends,
 * and loses what that said last.
 */
export class Terminal {
  readonly #foreign: Foreign;
  readonly #listening: number;
  #master: number | undefined;

  private constructor(foreign: Foreign, listening: number) {
    this.#foreign = foreign;
    this.#listening = listening;
  }

  /** @throws SyscallError where there can be no socket in the directory */
  static async open(directory: string): Promise<Terminal> {
    const foreign = await openForeign();
    // Paths of sockets are short: unix(7)
    const descriptor = openSync(directory, 'r');
    try {
      return new Terminal(foreign, listenAt(foreign, `/proc/self/fd/${descriptor}/${TERMINAL_SOCKET}`));
    } finally {
      closeSync(descriptor);
    }
  }

  /** The size of our terminal becomes that of the container's. */
  resize(): void {
    if (this.#master === undefined) return;
    const size = Buffer.alloc(8);
    if (this.#foreign.ioctl(STDIN, TIOCGWINSZ, size) === 0)
      this.#foreign.ioctl(this.#master, TIOCSWINSZ, size);
  }

  /** Resolves when all was said, or the runtime ended without making a terminal. */
  async relay(ended: Promise<unknown>): Promise<void> {
    let isWaiting = true;
    const stopWaiting = (): void => {
      if (isWaiting) this.#foreign.shutdown(this.#listening, SHUT_RDWR);
    };
    ended.then(stopWaiting, stopWaiting);
    try {
      this.#master = await receiveDescriptor(this.#foreign, this.#listening);
    } finally {
      isWaiting = false;
      closeSync(this.#listening);
    }
    if (this.#master === undefined) return;
    this.resize();
    const restore = makeRaw(this.#foreign);
    try {
      await passOn(this.#master);
    } finally {
      restore();
    }
    this.#master = undefined;
  }
}

/**
 * Everything passes as it is: the container's terminal makes of it what it means. Node's own raw mode still makes two
 * characters of a line feed. Whoever started us puts the terminal right when we are killed: Node does that at its end.
 */
function makeRaw(foreign: Foreign): () => void {
  const before = Buffer.alloc(SIZEOF_TERMIOS);
  if (foreign.tcgetattr(STDIN, before) < 0) return () => undefined;
  const raw = Buffer.from(before);
  foreign.cfmakeraw(raw);
  foreign.tcsetattr(STDIN, TCSADRAIN, raw);
  return () => void foreign.tcsetattr(STDIN, TCSADRAIN, before);
}

/** Closes the descriptor in the end. */
async function passOn(master: number): Promise<void> {
  const keys = new ReadStream(STDIN);
  const into = createWriteStream('', { fd: master });
  keys.on('error', () => undefined);
  into.on('error', () => undefined); // nobody reads any more
  try {
    keys.pipe(into);
    await passOut(master);
  } finally {
    keys.unpipe(into);
    keys.destroy();
    // It closes the descriptor when no write is on its way any more
    into.destroy();
    if (!into.closed) await once(into, 'close');
  }
}

async function passOut(master: number): Promise<void> {
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    // EIO: the other end is closed
    const { bytesRead } = await readOnce(master, buffer, 0, buffer.length, null).catch(() => ({
      bytesRead: 0,
    }));
    if (bytesRead === 0) return;
    for (let at = 0; at < bytesRead; ) {
      const { bytesWritten } = await writeOnce(STDOUT, buffer, at, bytesRead - at);
      at += bytesWritten;
    }
  }
}

type Foreign = Readonly<
  Record<
    | 'socket'
    | 'bind'
    | 'listen'
    | 'shutdown'
    | 'accept'
    | 'receive'
    | 'ioctl'
    | 'tcgetattr'
    | 'tcsetattr'
    | 'cfmakeraw',
    ForeignFunction
  >
> & {
  readonly errno: () => string;
};

async function openForeign(): Promise<Foreign> {
  const { call, pointerTo, errno } = await openForeignLibrary();
  const parts = pointerTo({ base: 'void *', length: 'size_t' }, 'in');
  const name = { name: 'void *', nameLength: 'uint32' };
  const control = { control: 'void *', controlLength: 'size_t' };
  // recvmsg(2), struct msghdr
  const message = pointerTo({ ...name, parts, count: 'size_t', ...control, flags: 'int' }, 'inout');
  return {
    socket: call('socket', 'int', ['int', 'int', 'int']),
    bind: call('bind', 'int', ['int', 'void *', 'uint']),
    listen: call('listen', 'int', ['int', 'int']),
    shutdown: call('shutdown', 'int', ['int', 'int']),
    accept: call('accept4', 'int', ['int', 'void *', 'void *', 'int']),
    receive: call('recvmsg', 'long', ['int', message, 'int']),
    ioctl: call('ioctl', 'int', ['int', 'ulong', 'void *']),
    tcgetattr: call('tcgetattr', 'int', ['int', 'void *']),
    tcsetattr: call('tcsetattr', 'int', ['int', 'int', 'void *']),
    cfmakeraw: call('cfmakeraw', 'void', ['void *']),
    errno,
  };
}

function check({ errno }: Foreign, result: number, call: string): number {
  if (result < 0) throw new SyscallError(call, errno(), TERMINAL_SOCKET);
  return result;
}

function listenAt(foreign: Foreign, path: string): number {
  const made = check(foreign, foreign.socket(AF_UNIX, SOCK_STREAM | CLOEXEC, 0), 'socket');
  const name = Buffer.from(`\0\0${path}\0`);
  name.writeUInt16LE(AF_UNIX);
  check(foreign, foreign.bind(made, name, name.length), 'bind');
  check(foreign, foreign.listen(made, 1), 'listen');
  return made;
}

/** What somebody who connects sends; `undefined` when the socket was shut down, or when it was no descriptor. */
async function receiveDescriptor(foreign: Foreign, listening: number): Promise<number | undefined> {
  const connection = await new Promise<number>((resolve, reject) => {
    foreign.accept.async(listening, null, null, CLOEXEC, (error: Error | null, found: number) => {
      if (error) reject(error);
      else resolve(found);
    });
  });
  if (connection < 0) return undefined;
  const control = Buffer.alloc(64);
  const parts = [{ base: Buffer.alloc(4096), length: 4096 }];
  const header = { name: null, nameLength: 0, parts, count: 1, control, controlLength: 64, flags: 0 };
  try {
    check(foreign, foreign.receive(connection, header, MSG_CMSG_CLOEXEC), 'recvmsg');
  } finally {
    closeSync(connection);
  }
  // cmsg(3): length, level SOL_SOCKET and type SCM_RIGHTS, then the descriptors
  const isDescriptor =
    control.readUInt32LE(0) >= 20 && control.readInt32LE(8) === 1 && control.readInt32LE(12) === 1;
  return isDescriptor ? control.readInt32LE(16) : undefined;
}
