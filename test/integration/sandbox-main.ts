import { runImage } from '../../src/sandbox/index.ts';
import type { LayerId } from '../../src/tree/index.ts';
import { openRuntime, request, TestStore } from './sandbox-support.ts';

/** A main process of its own, to be killed or sent signals: `build|idle|image STORE LAYER JSON`; `idle` leaves the sandbox open. */
const [how = '', root = '', layer = '', json = '{}'] = process.argv.slice(2);
const store = new TestStore(root);
const more = JSON.parse(json) as Record<string, unknown>;
const signal = new AbortController().signal;
function onOutput(_: string, data: Uint8Array): void {
  process.stdout.write(data);
}

if (how === 'build') {
  await using runtime = openRuntime(store);
  const result = await runtime.run(request([layer as LayerId], more), { onOutput, signal });
  process.exitCode = result.ok ? 0 : result.exitCode;
} else if (how === 'idle') {
  await openRuntime(store).run(request([layer as LayerId], more), { onOutput, signal });
} else {
  const { argv, env, cwd, user, hostname } = request([], more);
  const options = { volumes: [], init: false, tty: false, ...more };
  const { paths } = store;
  process.exitCode = await runImage(
    { ...options, paths, layers: [layer as LayerId], process: { argv, env, cwd, user, hostname } },
    signal,
  );
}
