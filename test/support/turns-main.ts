import { main } from '../../src/cli/main.ts';
import { fakeIo } from '../../src/cli/test-fake-io.ts';

/*
 * Runs commands one after the other in one process and prints, as JSON, the CPU time in ms of the longest turn of the event
 * loop in each. CPU time of the main thread, not the time that passes: what else the machine does counts for nothing. The
 * first argument is a JSON list of commands.
 */

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

async function longestTurn(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = cpuMs();
  const tick = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  // As often as a turn is looked for: what is measured is at most this much longer than the turn
  const timer = setInterval(tick, 2);
  await work();
  tick();
  clearInterval(timer);
  return longest;
}

const commands = JSON.parse(process.argv[2] ?? '') as readonly (readonly string[])[];
const turns: number[] = [];
for (const command of commands) {
  const { io, err } = fakeIo({ cwd: process.cwd(), env: process.env });
  turns.push(
    await longestTurn(async () => {
      if ((await main(command, io)) !== 0) throw new Error(`${command.join(' ')}\n${err()}`);
    }),
  );
}
console.log(JSON.stringify(turns));
