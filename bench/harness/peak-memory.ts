import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// Runs a command and writes the largest resident set, in KiB, that it and all it has started had together:
// REPORT PROGRAM ARGUMENTS…
const [report = '', program = '', ...args] = process.argv.slice(2);
const EVERY_MS = 10;

/** Of a process and all below it. What ends meanwhile counts for nothing. */
function residentKiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    let sum = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      for (const child of children.split(' ')) if (child !== '') sum += residentKiB(Number(child));
    }
    return sum;
  } catch {
    return 0;
  }
}

const child = spawn(program, args, { stdio: 'inherit' });
let peak = 0;
const timer = setInterval(() => {
  if (child.pid !== undefined) peak = Math.max(peak, residentKiB(child.pid));
}, EVERY_MS);
child.on('exit', (code) => {
  clearInterval(timer);
  writeFileSync(report, `${peak}\n`);
  process.exitCode = code ?? 1;
});
