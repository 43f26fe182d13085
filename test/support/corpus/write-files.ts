import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, link, lutimes, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Syscalls } from '../../../src/sandbox/syscalls.ts';
import { encodePathText } from '../../../src/tar/index.ts';
import { bytesOf } from './bytes.ts';
import { type FileLine, unquote } from './lines.ts';

/** The time of every file of a context. */
const TIME = new Date('2020-01-02T03:04:05Z');

/** Makes the files that lines describe below a directory, exactly: modes, links, pipes, names of any bytes. */
export async function writeFiles(root: string, lines: readonly FileLine[], folder: string): Promise<void> {
  const at = (path: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), encodePathText(path)]);
  for (const line of lines) {
    if (dirname(line.path) !== '.') await mkdir(at(dirname(line.path)), { recursive: true, mode: 0o755 });
    await writeOne(line, at, folder);
    for (const [name, value] of line.xattrs) (await Syscalls.open()).setXattr(at(line.path), name, value);
  }
  // Directories last and innermost first: what is put into one changes its time
  for (const line of lines.toReversed()) {
    if (line.type !== 'link') await chmod(at(line.path), line.mode);
    await lutimes(at(line.path), TIME, TIME);
  }
}

async function writeOne(
  { type, path, detail }: FileLine,
  at: (path: string) => Buffer,
  folder: string,
): Promise<void> {
  const target = unquote(detail.replace(/^(?:->|=)\s*/, ''));
  switch (type) {
    case 'file':
      return writeFile(at(path), bytesOf(detail, folder));
    case 'dir':
      await mkdir(at(path), { recursive: true });
      return undefined;
    case 'link':
      return symlink(Buffer.from(encodePathText(target)), at(path));
    case 'hard':
      return link(at(target), at(path));
    case 'pipe':
      execFileSync('mkfifo', [at(path).toString()]);
      return undefined;
    case 'char':
    case 'block': {
      const [major = '', minor = ''] = detail.split(':');
      execFileSync('mknod', [at(path).toString(), type === 'char' ? 'c' : 'b', major, minor]);
    }
  }
}

/** Copies files that stand in the repository, with modes that do not depend on the checkout. */
export async function copyFiles(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  for (const name of await readdir(to, { recursive: true })) {
    const path = join(to, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined)
      await chmod(path, found.isDirectory() || (found.mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
