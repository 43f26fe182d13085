import type { Runtime } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';

/** A runtime that loads and starts nothing before the first command has to run. */
export function lazyRuntime(store: LocalStore, searchPath: string | undefined): Runtime {
  let opened: Promise<Runtime> | undefined;
  const open = async (): Promise<Runtime> => {
    const { openSandbox } = await import('../sandbox/index.ts');
    return openSandbox({
      paths: store.paths,
      layers: store.layers,
      ...(searchPath === undefined ? {} : { searchPath }),
    });
  };
  return {
    async run(request, io) {
      opened ??= open();
      return (await opened).run(request, io);
    },
    async unpack(request, io) {
      opened ??= open();
      return (await opened).unpack(request, io);
    },
    async [Symbol.asyncDispose]() {
      await (await opened)?.[Symbol.asyncDispose]();
    },
  };
}
