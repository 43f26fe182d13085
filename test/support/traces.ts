import { readdir, readFile } from 'node:fs/promises';

/**
 * What is left of something on this machine: processes whose command line holds `text`, and mounts of any process
 * whose line in mountinfo does. Waits until there is nothing, or gives up after `timeoutMs` and tells what remains.
 */
export async function tracesOf(text: string, timeoutMs = 10_000): Promise<string[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look(text);
    if (found.length === 0 || Date.now() > deadline) return found;
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

async function look(text: string): Promise<string[]> {
  const found = new Set<string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const commandLine = await readProc(`${pid}/cmdline`);
    if (commandLine.includes(text)) found.add(`process ${pid}: ${commandLine.replaceAll('\0', ' ')}`);
    for (const line of (await readProc(`${pid}/mountinfo`)).split('\n')) {
      if (line.includes(text)) found.add(`mount: ${line}`);
    }
  }
  return [...found];
}

/** Empty when the process ended while we looked. */
async function readProc(path: string): Promise<string> {
  return readFile(`/proc/${path}`, 'utf8').catch(() => '');
}
