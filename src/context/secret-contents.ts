import { closeSync, readSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { openContextFile } from '../host/index.ts';
import type { LayerStore } from '../solve/index.ts';
import type { FileNode, Inode, Tree } from '../tree/index.ts';

/** Where a key begins, if it is one; and what larger than this is none. */
const HEAD = 1024;
const MAX_SIZE = 64 * 1024;
/** What others wrote to be tried out. */
const SAMPLES = /(?:^|\/)(?:node_modules|vendor|testdata|tests?|fixtures|examples?)\//;
const SECRET =
  /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-\d|^\s*aws_secret_access_key\s*=\s*\S{20}/m;

/** The files of a build context that are private keys or credentials by what is in them. */
export async function secretContents(
  tree: Tree,
  layers: Pick<LayerStore, 'readContent'>,
): Promise<ReadonlySet<Inode>> {
  const found = new Set<Inode>();
  for (const { path, node } of tree.walk()) {
    const { inode } = node;
    if (inode.type !== 'file' || inode.size === 0 || inode.size > MAX_SIZE || SAMPLES.test(path)) continue;
    if (SECRET.test(await headOf(inode, layers))) found.add(inode);
  }
  return found;
}

async function headOf(file: FileNode, layers: Pick<LayerStore, 'readContent'>): Promise<string> {
  if (file.content.kind !== 'host')
    return Buffer.from(await layers.readContent(file)).toString('latin1', 0, HEAD);
  try {
    return readHead(file.content.path);
  } catch (error) {
    // What cannot be read is for the build to tell, where it is needed
    if (error instanceof LapidaryError) return '';
    throw error;
  }
}

const buffer = Buffer.alloc(HEAD);

function readHead(path: string): string {
  const fd = openContextFile(path);
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, HEAD, 0));
  } finally {
    closeSync(fd);
  }
}
