import { EXIT } from '../errors/index.ts';
import { main } from './main.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const controller = new AbortController();
const exitWork = new Set<() => void>();

/** The first signal lets the command clean up; the second does not wait for it. */
function interrupt(): void {
  if (controller.signal.aborted) process.exit(EXIT.interrupted);
  controller.abort();
}

for (const name of SIGNALS) process.on(name, interrupt);
process.on('exit', () => {
  for (const work of exitWork) work();
});

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  uid: process.getuid?.() ?? 0,
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  now: Date.now,
  releaseSignals: () => {
    for (const name of SIGNALS) process.off(name, interrupt);
  },
  atExit: (work) => {
    exitWork.add(work);
    return () => exitWork.delete(work);
  },
});
