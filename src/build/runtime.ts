import type { SandboxOptions } from '../sandbox/index.ts';
import type { Runtime, TrialRuntime } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';
import type { BuildOptions } from './types.ts';

export type RuntimeOptions = {
  readonly [K in 'searchPath' | 'sandbox' | 'onEvent']?: BuildOptions[K] | undefined;
};

/** What `options` say of the sandbox, and where its warnings go. */
export function sandboxOptions({
  searchPath,
  sandbox,
  onEvent,
}: RuntimeOptions): Pick<SandboxOptions, 'searchPath' | 'settings' | 'onWarning'> {
  return {
    ...(searchPath === undefined ? {} : { searchPath }),
    ...(sandbox === undefined ? {} : { settings: sandbox }),
    ...(onEvent === undefined
      ? {}
      : { onWarning: (message, hint) => onEvent({ type: 'warning', message, hint }) }),
  };
}

/** A runtime that loads and starts nothing before the first command has to run. */
export function lazyRuntime(store: LocalStore, options: RuntimeOptions): Runtime & TrialRuntime {
  let opened: Promise<Runtime & TrialRuntime> | undefined;
  const open = async (): Promise<Runtime & TrialRuntime> => {
    const { openSandbox } = await import('../sandbox/index.ts');
    return openSandbox({
      paths: store.paths,
      layers: store.layers,
      ...sandboxOptions(options),
    });
  };
  return {
    async run(request, io) {
      opened ??= open();
      return (await opened).run(request, io);
    },
    async trial(request, io) {
      opened ??= open();
      return (await opened).trial(request, io);
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
