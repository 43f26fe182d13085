import { type Digest, sha256 } from '../oci/index.ts';
import { type Entry, type Metadata, Tree } from '../tree/index.ts';
import type { Filesystem } from './image-files.ts';

const OWNER = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

type Special = Partial<Metadata> & { readonly data?: string | Buffer };
export type TestFiles = Readonly<Record<string, string | Buffer | Special>>;

/** Files by path; a text that begins with `-> ` is a link, a path that ends in `/` a directory. */
export function filesystem(files: TestFiles): Filesystem {
  const contents = new Map<Digest, Buffer>();
  const entries = Object.entries(files).map(([path, spec]): Entry => {
    const { data = '', ...more } = typeof spec === 'string' || Buffer.isBuffer(spec) ? { data: spec } : spec;
    const metadata = { ...OWNER, ...more };
    if (path.endsWith('/'))
      return { kind: 'node', path: path.slice(0, -1), node: { type: 'dir', ...metadata } };
    if (typeof data === 'string' && data.startsWith('-> '))
      return { kind: 'node', path, node: { type: 'symlink', ...metadata, target: data.slice(3) } };
    const bytes = Buffer.from(data);
    const digest = sha256(bytes);
    contents.set(digest, bytes);
    const content = { kind: 'pack', pack: 'p', offset: 0 } as const;
    return {
      kind: 'node',
      path,
      node: { type: 'file', ...metadata, size: bytes.length, digest, content },
    };
  });
  const open: Filesystem['open'] = ({ digest, size }) => ({
    size,
    read: async (offset, length) =>
      (contents.get(digest as Digest) ?? Buffer.alloc(0)).subarray(offset, offset + length),
  });
  return { tree: Tree.of([entries]), open };
}
