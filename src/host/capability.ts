import { cString, type HostPath, openForeignLibrary, readSized } from './foreign.ts';
import { giveBackLargeBuffers } from './give-back.ts';

/** Where Linux keeps the capabilities of a file: capabilities(7). */
export const CAPABILITY = 'security.capability';

/** Tells a file's capabilities as they are stored, links not followed; `undefined` where it has none. */
export type CapabilityReader = (path: HostPath) => Uint8Array | undefined;

/** @throws LapidaryError SANDBOX_FAILED when koffi cannot be loaded on this machine */
export async function openCapabilityReader(): Promise<CapabilityReader> {
  if (process.platform !== 'linux') return () => undefined;
  const library = await openForeignLibrary();
  // Whoever looks at the files of a directory is about to read and to pack them
  giveBackLargeBuffers(library);
  const call = library.call('lgetxattr', 'long', ['const char *', 'const char *', 'void *', 'size_t']);
  return (path) =>
    readSized({ library, syscall: 'lgetxattr', subject: path }, (buffer) =>
      call(cString(path), CAPABILITY, buffer, buffer.byteLength),
    );
}
