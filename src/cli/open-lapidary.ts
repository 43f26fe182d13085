import type { Lapidary } from '../build/index.ts';
import type { Invocation } from './command.ts';
import { searchPath, storeRoot } from './machine-paths.ts';

/** Opens the store of a call and closes it when `work` has ended. */
export async function withLapidary<T>(
  call: Pick<Invocation, 'flags' | 'io'>,
  work: (lapidary: Lapidary) => Promise<T>,
): Promise<T> {
  const [{ Lapidary }, store] = await Promise.all([import('../build/index.ts'), storeRoot(call)]);
  await using lapidary = await Lapidary.open({ store, ...searchPath(call) });
  return await work(lapidary);
}
