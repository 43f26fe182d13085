import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { messageOf } from '../errors/index.ts';
import type { Finding } from './probe.ts';
import { findProgram } from './programs.ts';

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** First line that a program prints, or why it did not. */
export function firstLine(
  path: string,
  args: readonly string[],
): Promise<{ readonly ok: boolean; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(path, args, { timeout: 5000, maxBuffer: 65_536, env: {} }, (error, stdout, stderr) => {
      const [text = ''] = `${stdout}${stderr}`.trim().split('\n');
      resolve({ ok: error === null, text: text || (error === null ? '' : messageOf(error)) });
    });
  });
}

export async function probeProgram(name: string, searchPath: string): Promise<Finding> {
  const path = findProgram(name, searchPath);
  if (path === undefined) return { status: 'missing', detail: `${name} is not installed` };
  const { ok, text } = await firstLine(path, ['--version']);
  return { status: ok ? 'ok' : 'limited', detail: `${path}: ${text}` };
}

/** For programs that do not tell their version. */
export function probePresence(name: string, searchPath: string): Finding {
  const path = findProgram(name, searchPath);
  return path === undefined
    ? { status: 'missing', detail: `${name} is not installed` }
    : { status: 'ok', detail: path };
}
