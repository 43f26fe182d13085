import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Digest, sha256 } from '../oci/index.ts';
import type { Entry, Inode } from './entry.ts';
import { encodeLayer, tabulate } from './layer-table.ts';
import { sortEntries } from './order.ts';
import { decodeLayer } from './read-layer.ts';
import { finish } from './steps.ts';
import { entries, layerId } from './testing.ts';

const name = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('a', 'caf\udce9', 'x y', '...'),
  )
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const metadata = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffffffff }),
  gid: fc.integer({ min: 0, max: 0xffffffff }),
  mtime: fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }),
  mtimeNs: fc.integer({ min: 0, max: 999_999_999 }),
});
const content = fc.oneof(
  fc.record({
    kind: fc.constant('pack' as const),
    pack: fc.constantFrom('tar-1', 'layer-2'),
    offset: fc.nat(),
  }),
  fc.record({ kind: fc.constant('tree' as const), tree: fc.constant('t1'), path }),
);
const digest: fc.Arbitrary<Digest> = fc.nat().map((n) => sha256(String(n)));
const inode: fc.Arbitrary<Inode> = fc.oneof(
  fc
    .tuple(metadata, fc.nat(), digest, content)
    .map(([m, size, d, c]): Inode => ({ type: 'file', ...m, size, digest: d, content: c })),
  metadata.map((m): Inode => ({ type: 'dir', ...m, xattrs: new Map([['user.x', Uint8Array.of(0, 255)]]) })),
  fc.tuple(metadata, fc.string()).map(([m, target]): Inode => ({ type: 'symlink', ...m, target })),
  fc
    .tuple(metadata, fc.nat(), fc.nat())
    .map(([m, major, minor]): Inode => ({ type: 'char', ...m, major, minor })),
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(path, inode).map(([p, node]): Entry => ({ kind: 'node', path: p, node })),
  path.map((p): Entry => ({ kind: 'whiteout', path: p })),
  path.map((p): Entry => ({ kind: 'opaque', path: p })),
);

/** One entry a place and kind, in order, as a layer has them. */
function layerOf(all: readonly Entry[]): readonly Entry[] {
  return finish(sortEntries([...new Map(all.map((one) => [`${one.kind} ${one.path}`, one])).values()]));
}

const encoded = (all: readonly Entry[]): Uint8Array =>
  Buffer.concat(finish(encodeLayer(finish(tabulate(all)), all)));

describe('the durable form of a layer', () => {
  test('gives back what was stored', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (all) => {
        const layer = { id: layerId(layerOf(all)), entries: layerOf(all) };
        expect(finish(decodeLayer(encoded(layer.entries), layer.id))).toEqual(layer);
      }),
    );
  });

  test('any change of a byte is found, or changes nothing that counts', () => {
    const all = finish(
      sortEntries([
        ...layerOf([{ kind: 'whiteout', path: 'gone' }]),
        {
          kind: 'node',
          path: 'f',
          node: {
            type: 'file',
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 1,
            mtimeNs: 0,
            size: 3,
            digest: sha256('abc'),
            content: { kind: 'pack', pack: 'p', offset: 7 },
          },
        },
      ]),
    );
    const bytes = encoded(all);
    const end = new TextDecoder().decode(bytes).indexOf('\n\n');
    fc.assert(
      fc.property(fc.nat({ max: end }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const broken = Uint8Array.from(bytes);
        broken[at] = (broken[at] ?? 0) ^ by;
        expect(() => finish(decodeLayer(broken, layerId(all)))).toThrow(
          expect.objectContaining({ code: 'STORE_CORRUPT' }),
        );
      }),
    );
  });

  test.for<{ name: string; text: string }>([
    { name: 'nothing', text: '' },
    { name: 'another head', text: '["x",1]\n\n[]\n[]\n' },
    { name: 'a path that leads out', text: '["lapidary-layer",1]\n["w","../x"]\n\n[]\n[]\n' },
    { name: 'an absolute path', text: '["lapidary-layer",1]\n["w","/x"]\n\n[]\n[]\n' },
    { name: 'entries out of order', text: '["lapidary-layer",1]\n["w","b"]\n["w","a"]\n\n[]\n[]\n' },
    { name: 'an unknown kind', text: '["lapidary-layer",1]\n["z","a",0,0,0,0,0,0]\n\n[]\n[]\n' },
    { name: 'a mode out of range', text: '["lapidary-layer",1]\n["d","a",99999,0,0,0,0,0]\n\n[]\n[]\n' },
    {
      name: 'a pack outside of the store',
      text: `["lapidary-layer",1]\n["f","a",0,0,0,0,0,0,1,"${sha256('x')}"]\n\n["pack ../x"]\n[[0,0]]\n`,
    },
  ])('refuses $name', ({ text }) => {
    expect(() => finish(decodeLayer(new TextEncoder().encode(text)))).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });

  test('the ID does not depend on the order or on where contents are', () => {
    const all = entries('a/', 'a/f=1', 'b -> a');
    const elsewhere = all.map(
      (one): Entry =>
        one.kind === 'node' && one.node.type === 'file'
          ? { ...one, node: { ...one.node, content: { kind: 'pack', pack: 'p', offset: 1 } } }
          : one,
    );
    expect(layerId([...elsewhere].reverse())).toBe(layerId(all));
  });
});
