import type { ChildProcess } from 'node:child_process';

/** Resolves when the process has written `text` to its standard error; rejects when it ends without. */
export function untilSays(child: ChildProcess, text: string): Promise<void> {
  let seen = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it said ${text}:\n${seen}`)));
  });
}
