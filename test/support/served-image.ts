import { once } from 'node:events';
import { finished, type Workspace } from './cli.ts';

/** The form in which servers of examples say where they are. */
const ADDRESS = /listens on http:\/\/[\d.]+:(\d+)/;

/**
 * Runs an image that serves HTTP on a free port, asks it for each path, and stops it as a terminal would. Gives the answers as
 * `STATUS TEXT`, and the exit code.
 */
export async function askServer(
  work: Workspace,
  runArguments: readonly string[],
  paths: readonly string[],
): Promise<{ readonly answers: readonly string[]; readonly code: number | null }> {
  const child = work.start(['run', '--rm', '-e', 'PORT=0', ...runArguments]);
  const ended = finished(child);
  const { promise: port, resolve } = Promise.withResolvers<string>();
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const found = ADDRESS.exec(said)?.[1];
    if (found !== undefined) resolve(found);
  });
  const tooEarly = ended.then(({ code, stderr }) => {
    throw new Error(`ended with ${code} before it served:\n${said}\n${stderr}`);
  });
  try {
    const url = `http://127.0.0.1:${await Promise.race([port, tooEarly])}`;
    const answers: string[] = [];
    for (const path of paths) {
      const response = await fetch(`${url}${path}`);
      answers.push(`${response.status} ${(await response.text()).trim()}`);
    }
    return { answers, code: await stopped() };
  } finally {
    await stopped();
  }

  async function stopped(): Promise<number | null> {
    tooEarly.catch(() => undefined);
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'close');
    return (await ended).code;
  }
}
