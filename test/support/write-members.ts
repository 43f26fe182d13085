import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MadeMember } from './make-tar.ts';

/** The files of an archive as files of a directory, which is returned. */
export async function writeMembers(dir: string, members: readonly MadeMember[]): Promise<string> {
  for (const { path, data = '' } of members) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), data);
  }
  return dir;
}
