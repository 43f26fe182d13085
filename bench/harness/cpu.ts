import koffi from 'koffi';

const getrusage = koffi.load('libc.so.6').func('int getrusage(int who, _Out_ uint8_t *usage)');
const RUSAGE_CHILDREN = -1;

/** User and system time in ms of all processes that this one has waited for, and of those that they have. */
export function childrenCpuMs(): number {
  const usage = Buffer.alloc(144);
  if (getrusage(RUSAGE_CHILDREN, usage) !== 0) throw new Error('getrusage failed');
  // struct timeval ru_utime, ru_stime: seconds and microseconds, 64 bits each.
  const [userS, userUs, systemS, systemUs] = [0, 8, 16, 24].map((at) => Number(usage.readBigInt64LE(at)));
  return ((userS ?? 0) + (systemS ?? 0)) * 1000 + ((userUs ?? 0) + (systemUs ?? 0)) / 1000;
}
