import type { ImageTools, Lapidary } from '../build/index.ts';
import type { Invocation } from './command.ts';
import { registries, searchPath, storeRoot } from './machine-paths.ts';

/** Opens the store of a call and closes it when `work` has ended. */
export async function withLapidary<T>(
  call: Pick<Invocation, 'flags' | 'io'>,
  work: (lapidary: Lapidary) => Promise<T>,
): Promise<T> {
  const [{ Lapidary }, store] = await Promise.all([import('../build/index.ts'), storeRoot(call)]);
  await using lapidary = await Lapidary.open({ store, ...searchPath(call), ...registries(call) });
  return await work(lapidary);
}

/** The same for what goes over the network, with progress on standard error unless `--quiet` is given. */
export async function withTools<T>(
  call: Pick<Invocation, 'flags' | 'io'>,
  { quiet, insecure }: { readonly quiet: boolean; readonly insecure: boolean },
  work: (tools: ImageTools) => Promise<T>,
): Promise<T> {
  const { withProgress } = await import('./progress.ts');
  const { signal } = call.io;
  return withProgress(quiet ? 'quiet' : 'auto', call.io, (onEvent) =>
    withLapidary(call, async (lapidary) => {
      await using tools = lapidary.tools({ signal, onEvent, insecure });
      return await work(tools);
    }),
  );
}
