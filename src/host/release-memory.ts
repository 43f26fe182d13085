/** Not worth it for less; and small buffers of Node are parts of a common one. */
const LARGE = 1024 * 1024;

/**
 * Gives the memory of a large buffer back at once, when nobody needs what is in it any more: every view of it is empty
 * afterwards. A garbage collector that sees only small objects comes by too seldom, and looks at everything when it does.
 */
export function releaseMemory({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE) buffer.transfer(0);
}
