import type { Inode, Tree } from '../../../src/tree/index.ts';

/** One line of a listing of files, as contexts, archives and base images are described. */
export type FileLine = {
  readonly type: 'file' | 'dir' | 'link' | 'hard' | 'pipe' | 'char' | 'block';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Without a leading slash; bytes that are not UTF-8 are lone surrogates, see `decodePathText`. */
  readonly path: string;
  /** What follows the path: a link's target, a device's numbers, or how a file's bytes are written. */
  readonly detail: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
};

const LINE =
  /^(file|dir|link|hard|pipe|char|block)\s+(?:([0-7]{3,5})\s+)?(?:(\d+):(\d+)\s+)?("(?:[^"\\]|\\.)*"|\S+)\s*(.*?)(?:\s+(\{"[^{}]*\}))?$/;

/** Lines as the corpus's README describes them; empty lines and comments are passed over. */
export function parseLines(text: string): FileLine[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, type, mode, uid = '0', gid = '0', path = '', detail = '', xattrs = '{}'] = LINE.exec(line) ?? [];
    if (type === undefined) throw new Error(`not a line of a listing: ${line}`);
    return {
      type: type as FileLine['type'],
      mode: Number.parseInt(mode ?? (type === 'dir' ? '755' : '644'), 8),
      uid: Number(uid),
      gid: Number(gid),
      path: unquote(path).replace(/^\//, ''),
      detail,
      xattrs: new Map(
        Object.entries(JSON.parse(xattrs) as Record<string, string>).map(([name, value]) => [
          name,
          Buffer.from(value, 'base64'),
        ]),
      ),
    };
  });
}

export function unquote(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

const quoteName = (text: string): string =>
  /^[^\s"\p{C}\ud800-\udfff]+$/u.test(text) ? text : JSON.stringify(text);

export type ContentLookup = (inode: Extract<Inode, { type: 'file' }>) => Promise<Uint8Array>;

/** What `after` has and `before` has not, or not so; `gone` for what is missing. One line per path, in order. */
export async function differenceLines(before: Tree, after: Tree, read: ContentLookup): Promise<string[]> {
  const lines: string[] = [];
  const first = new Map<Inode, string>();
  for (const { path, node } of after.walk()) {
    const { inode } = node;
    const known = inode.type === 'dir' ? undefined : first.get(inode);
    if (known === undefined) first.set(inode, path);
    if (sameInode(before.get(path)?.inode, inode) && known === undefined) continue;
    lines.push(
      known === undefined
        ? await inodeLine(path, inode, read)
        : `hard ${quoteName(`/${path}`)} = ${quoteName(`/${known}`)}`,
    );
  }
  for (const { path } of before.walk()) {
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    if (after.get(path) === undefined && after.get(parent)?.inode.type === 'dir')
      lines.push(`gone ${quoteName(`/${path}`)}`);
  }
  return lines;
}

/** Times do not count: they are compared where a case asks for them. */
function sameInode(a: Inode | undefined, b: Inode): boolean {
  if (a === undefined) return false;
  if (a === b) return true;
  const bare = ({ mtime: _mtime, mtimeNs: _ns, xattrs, ...rest }: Inode): string =>
    JSON.stringify({
      ...rest,
      content: undefined,
      xattrs: [...(xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    });
  return bare(a) === bare(b);
}

async function inodeLine(path: string, inode: Inode, read: ContentLookup): Promise<string> {
  const mode = inode.mode.toString(8).padStart(4, '0');
  const type = { symlink: 'link', fifo: 'pipe' }[inode.type as string] ?? inode.type;
  const words = [
    type,
    // A link has no mode of its own
    ...(inode.type === 'symlink' ? [] : [mode]),
    `${inode.uid}:${inode.gid}`,
    quoteName(`/${path}`),
  ];
  if (inode.type === 'file') words.push(contentWord(await read(inode), inode.digest ?? ''));
  if (inode.type === 'symlink') words.push('->', quoteName(inode.target));
  if (inode.type === 'char' || inode.type === 'block') words.push(`${inode.major}:${inode.minor}`);
  if (inode.xattrs !== undefined && inode.xattrs.size > 0) {
    const values = [...inode.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
    words.push(JSON.stringify(Object.fromEntries(values)));
  }
  return words.join(' ');
}

const MAX_LITERAL = 400;

/** Short texts are written out, everything else is its size and digest. */
function contentWord(bytes: Uint8Array, digest: string): string {
  const text = Buffer.from(bytes).toString('utf8');
  const literal = bytes.length <= MAX_LITERAL && Buffer.from(text, 'utf8').equals(bytes);
  return literal ? JSON.stringify(text) : `${bytes.length} ${digest}`;
}
