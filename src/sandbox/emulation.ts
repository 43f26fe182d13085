import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { carriedLine, interpreterFor, type Registration, registerLine } from './binfmt.ts';
import { ELF_ARCHITECTURES, type ElfArchitecture, exitingProgram } from './elf-architectures.ts';
import { type BinfmtInstance, openInstance } from './emulation-instance.ts';
import { findProgram, isStatic, requireProgram } from './programs.ts';
import type { Emulation } from './protocol.ts';
import type { Syscalls } from './syscalls.ts';

const PROBE_MS = 10_000;
/** What a processor runs besides its own, where kernel and model allow it. */
const ALSO_NATIVE: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

export type EmulationMachine = {
  /** Of a user namespace that is this process's alone; absent where it shares that with others. */
  readonly own?: Pick<Syscalls, 'mount'>;
  readonly searchPath: string;
  /** A directory is made in it where one is needed; whoever owns it removes it. */
  readonly scratch: string;
  /** GOARCH of this machine. */
  readonly host: string;
};

export type EmulationRequest = {
  /** GOARCH. */
  readonly architecture: string;
  /** Emulators by architecture, as the caller named them. */
  readonly emulators: Readonly<Record<string, string>>;
  /** What the caller's instance of binfmt_misc has. */
  readonly visible: readonly Registration[];
};

/**
 * Makes programs of other architectures run in the steps of this sandbox. Where the machine does that by itself nothing
 * is done; else the sandbox gets an instance of binfmt_misc of its own (Linux 6.7), which is gone with it.
 */
export class Emulators implements Disposable {
  readonly #machine: EmulationMachine;
  #made: string | undefined;
  readonly #known = new Map<string, Emulation>();
  #opening: Promise<unknown> = Promise.resolve();
  #instance: BinfmtInstance | undefined;
  #registered: ReadonlyMap<string, string> | undefined;

  constructor(machine: EmulationMachine) {
    this.#machine = machine;
  }

  /** The namespaces that have the instance, as a directory like /proc/PID/ns, where they are not this process's. */
  get namespaces(): string | undefined {
    return this.#instance?.namespaces;
  }

  [Symbol.dispose](): void {
    this.#instance?.[Symbol.dispose]();
  }

  /** @throws LapidaryError EMULATOR_MISSING */
  prepare(request: EmulationRequest): Promise<Emulation> {
    const next = this.#opening.then(() => this.#prepare(request));
    this.#opening = next.catch(() => undefined);
    return next;
  }

  async #prepare(request: EmulationRequest): Promise<Emulation> {
    const { architecture } = request;
    const known = this.#known.get(architecture) ?? (await this.#find(request));
    this.#known.set(architecture, known);
    return known;
  }

  async #find({ architecture, emulators, visible }: EmulationRequest): Promise<Emulation> {
    const { host, own } = this.#machine;
    const elf = ELF_ARCHITECTURES[architecture];
    // What is not known cannot be looked for: the step will tell
    if (architecture === host || elf === undefined) return { type: 'native' };
    // In namespaces of its own this process, too, has the instance that it has made
    const isOurs = own !== undefined && this.#registered?.has(architecture) === true;
    if (!isOurs && emulators[architecture] === undefined && this.#runs(elf)) {
      if (ALSO_NATIVE[host] === architecture) return { type: 'native' };
      return { type: 'host', emulator: interpreterFor(visible, elf) ?? 'an emulator of this machine' };
    }
    this.#registered ??= await this.#open({ architecture, emulators, visible });
    const emulator = this.#registered.get(architecture);
    if (emulator === undefined) throw missing(architecture, elf);
    this.#try(emulator, elf, architecture);
    return { type: 'own', emulator };
  }

  /** An instance with everything that this machine has an emulator for: images may hold programs of several kinds. */
  async #open({ architecture, emulators, visible }: EmulationRequest): Promise<ReadonlyMap<string, string>> {
    const { host } = this.#machine;
    const found = new Map<string, string>();
    for (const [name, elf] of Object.entries(ELF_ARCHITECTURES)) {
      const named = emulators[name];
      const path = named ?? this.#emulator(elf);
      const needed =
        named !== undefined || (name !== host && !(ALSO_NATIVE[host] === name && this.#runs(elf)));
      if (path !== undefined && needed) found.set(name, path);
    }
    if (!found.has(architecture)) throw missing(architecture, ELF_ARCHITECTURES[architecture]);
    const instance = await openInstance(this.#machine, this.#directory());
    const ours = new Set([...found.keys()].map((name) => `qemu-${ELF_ARCHITECTURES[name]?.qemu}`));
    for (const registration of visible.filter(({ name }) => !ours.has(name))) {
      const line = carriedLine(registration);
      // An emulator that only its own container had cannot be opened again
      if (line !== undefined) tryWrite(instance.register, line);
    }
    // Last: the kernel looks at the youngest first
    for (const [name, path] of found) {
      const elf = ELF_ARCHITECTURES[name];
      if (elf !== undefined) writeFileSync(instance.register, registerLine(elf, path));
    }
    this.#instance = instance;
    return found;
  }

  #emulator({ qemu }: ElfArchitecture): string | undefined {
    const { searchPath } = this.#machine;
    const found = findProgram(`qemu-${qemu}-static`, searchPath);
    if (found !== undefined) return found;
    const other = findProgram(`qemu-${qemu}`, searchPath);
    return other !== undefined && isStatic(other) ? other : undefined;
  }

  /** Whether a program runs in a root filesystem that holds nothing else. */
  #runs(elf: ElfArchitecture): boolean {
    const { searchPath } = this.#machine;
    const unshare = requireProgram('unshare', { searchPath, hint: 'install it: apt-get install util-linux' });
    return this.#withProgram(elf, (root) => {
      const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
      const command = [...user, `--root=${root}`, '/program'];
      return spawnSync(unshare, command, { timeout: PROBE_MS, env: {} }).status === 0;
    });
  }

  #try(emulator: string, elf: ElfArchitecture, architecture: string): void {
    const { status, error, stderr } = this.#withProgram(elf, (root) =>
      spawnSync(emulator, [`${root}/program`], { timeout: PROBE_MS, env: {}, encoding: 'utf8' }),
    );
    if (status === 0) return;
    const said = error === undefined ? stderr.trim() || `it ended with ${String(status)}` : messageOf(error);
    throw new LapidaryError(
      'EMULATOR_MISSING',
      `${quoted(emulator)} does not run programs of ${architecture}`,
      {
        notes: [said.slice(0, 500)],
        hint: `expected a static qemu-${elf.qemu}: apt-get install qemu-user-static`,
      },
    );
  }

  #directory(): string {
    this.#made ??= mkdtempSync(`${this.#machine.scratch}/emulation-`);
    return this.#made;
  }

  #withProgram<T>(elf: ElfArchitecture, work: (root: string) => T): T {
    const root = `${this.#directory()}/probe`;
    mkdirSync(root, { recursive: true });
    try {
      writeFileSync(`${root}/program`, exitingProgram(elf), { mode: 0o755 });
      return work(root);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
}

function tryWrite(path: string, line: string): void {
  try {
    writeFileSync(path, line);
  } catch {
    // As said where it is called
  }
}

function missing(architecture: string, elf: ElfArchitecture | undefined): LapidaryError {
  const name = elf === undefined ? 'qemu' : `qemu-${elf.qemu}-static`;
  return new LapidaryError(
    'EMULATOR_MISSING',
    `programs of ${architecture} need an emulator, and ${name} is not installed`,
    {
      hint: 'install it: apt-get install qemu-user-static; or name one with --emulator; nothing has to be registered',
    },
  );
}
