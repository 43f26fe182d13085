import { EXIT } from '../errors/index.ts';
import { main } from './main.ts';

const controller = new AbortController();
let exitWork: (() => void)[] = [];

/** The first signal lets the command clean up; the second does not wait for it. */
function interrupt(): void {
  if (controller.signal.aborted) process.exit(EXIT.interrupted);
  controller.abort();
}

process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
process.on('SIGHUP', interrupt);
process.on('exit', () => exitWork.forEach((work) => work()));

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  uid: process.getuid?.() ?? 0,
  // Getters, as looking at these streams opens them
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  now: Date.now,
  atExit: (work) => {
    exitWork.push(work);
    return () => {
      exitWork = exitWork.filter((one) => one !== work);
    };
  },
});
