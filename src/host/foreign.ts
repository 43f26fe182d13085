import type { TypeObject } from 'koffi';
import { LapidaryError, messageOf } from '../errors/index.ts';

/** A path of the host: a string, or its bytes where the name is not UTF-8. Never holds a NUL. */
export type HostPath = string | Buffer;

/** A system call failed: `code` is the errno's name, as in the errors of `node:fs`. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, code: string, subject: string) {
    super(`${code}: ${syscall} ${JSON.stringify(subject)}`);
    this.code = code;
    this.syscall = syscall;
  }
}

export type ForeignFunction = ((...args: readonly unknown[]) => number) & {
  /** On a thread of its own; the last argument is called with the result. */
  readonly async: (...args: readonly unknown[]) => unknown;
};
/** The name of a C type, or one that was made of others. */
export type ForeignType = unknown;

/** Raw functions of the C library, and what is needed to report their errors. */
export type ForeignLibrary = {
  readonly call: (name: string, result: string, args: readonly ForeignType[]) => ForeignFunction;
  /** A pointer to a structure, which functions read, and write into where it is `inout`. */
  readonly pointerTo: (
    fields: Readonly<Record<string, ForeignType>>,
    direction: 'in' | 'inout',
  ) => ForeignType;
  readonly errno: () => string;
  /** Where the memory of a view is, for arguments of type `uintptr_t`: as long as the view is reachable. */
  readonly addressOf: (view: NodeJS.ArrayBufferView) => number;
};

/** @throws LapidaryError SANDBOX_FAILED when koffi cannot be loaded on this machine */
export async function openForeignLibrary(): Promise<ForeignLibrary> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
    return {
      call: (name, result, args) => library.func(name, result, [...args] as TypeObject[]) as ForeignFunction,
      pointerTo: (fields, direction) => {
        const pointer = koffi.pointer(koffi.struct(fields as Record<string, TypeObject>));
        return direction === 'inout' ? koffi.inout(pointer) : pointer;
      },
      addressOf: (view) => Number(koffi.address(view)),
      errno: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    };
  } catch (cause) {
    throw new LapidaryError('SANDBOX_FAILED', `the library koffi cannot be loaded: ${messageOf(cause)}`, {
      hint: 'reinstall lapidary for this platform: koffi brings a prebuilt binary per platform',
      cause,
    });
  }
}

/** C strings end at the first NUL: a buffer needs its own. */
export function cString(path: HostPath): HostPath {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.of(0)]);
}

export type SizedCall = {
  readonly library: ForeignLibrary;
  readonly syscall: string;
  readonly subject: HostPath;
};

/** What a call about extended attributes puts into a buffer; `undefined` when there is nothing of the kind. */
export function readSized(
  { library, syscall, subject }: SizedCall,
  read: (buffer: Uint8Array) => number,
): Uint8Array | undefined {
  // 64 KiB is the kernel's limit for one value and for a list of names (xattr(7)).
  for (const size of [256, 65_536]) {
    const buffer = new Uint8Array(size);
    const length = read(buffer);
    if (length >= 0) return buffer.slice(0, length);
    const code = library.errno();
    if (code === 'ENODATA' || code === 'EOPNOTSUPP' || code === 'ENOTSUP') return undefined;
    if (code !== 'ERANGE') throw new SyscallError(syscall, code, subject.toString());
  }
  throw new SyscallError(syscall, 'ERANGE', subject.toString());
}
