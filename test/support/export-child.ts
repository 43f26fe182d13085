import { Readable } from 'node:stream';
import { LapidaryError } from '../../src/errors/index.ts';
import { writeImage } from '../../src/export/index.ts';
import { sha256 } from '../../src/oci/index.ts';
import { memoryStore } from './memory-store.ts';
import { imageOf } from './stored-image.ts';

/**
 * Exports an image with one file of 8 MiB: `export-child.ts SCRATCH TYPE DEST [stall]`. With `stall` the file's bytes stop
 * coming after the first MiB. Prints the warnings; exits with 3 and the rendered error on standard output when the export fails.
 */
const [scratch = '', type = '', dest = '', stall] = process.argv.slice(2);
const MIB = Buffer.alloc(1024 * 1024, 0x2a);
const COUNT = 8;

const store = memoryStore(scratch);
store.layers.openContent = () =>
  Readable.from(
    (async function* (): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < COUNT; count++) {
        yield MIB;
        if (stall) await new Promise(() => setInterval(() => undefined, 1000));
      }
    })(),
  );
const content = { kind: 'pack', pack: 'big', offset: 0 } as const;
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };
const size = MIB.length * COUNT;
const layer = await store.layers.write([
  { kind: 'node', path: 'big', node: { type: 'file', ...metadata, size, digest: sha256('big'), content } },
]);
const image = await imageOf(store, [{ layer: layer.id, diffId: sha256('unknown'), size: size + 1536 }]);
const output =
  type === 'docker'
    ? ({ type, dest, tar: true } as const)
    : ({ type: type === 'tar' ? 'tar' : 'local', dest } as const);
try {
  const { warnings } = await writeImage({ images: [image], references: [], output }, store);
  process.stdout.write(JSON.stringify(warnings));
} catch (error) {
  process.stdout.write(error instanceof LapidaryError ? error.render() : String(error));
  process.exitCode = 3;
}
