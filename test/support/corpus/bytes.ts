import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { makeTar } from '../make-tar.ts';
import { type FileLine, parseLines } from './lines.ts';

const filter =
  (program: string) =>
  (bytes: Uint8Array): Buffer =>
    execFileSync(program, ['-c'], { input: bytes });

const COMPRESS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  plain: (bytes) => bytes,
  gzip: gzipSync,
  zstd: zstdCompressSync,
  bzip2: filter('bzip2'),
  xz: filter('xz'),
};

/**
 * The bytes of a file as its line writes them: a JSON string, `base64:…`, `repeat:COUNT:TEXT`, `host:PATH` for a file of
 * this machine, or `COMPRESSION-tar:LISTING` for an archive of the files that another listing of `folder` describes.
 * `cut:COUNT:` before any of them takes its first bytes only.
 */
export function bytesOf(detail: string, folder: string): Uint8Array {
  if (detail === '' || detail.startsWith('"')) return Buffer.from(JSON.parse(detail || '""') as string);
  const [, kind = '', rest = ''] = /^([^:]*):(.*)$/s.exec(detail) ?? [];
  const [, count = '', more = ''] = /^(\d+):(.*)$/s.exec(rest) ?? [];
  if (kind === 'cut') return bytesOf(more, folder).subarray(0, Number(count));
  if (kind === 'base64') return Buffer.from(rest, 'base64');
  if (kind === 'repeat') return Buffer.from(more.repeat(Number(count)));
  if (kind === 'host') return readFileSync(rest);
  const compress = COMPRESS[kind.replace(/-tar$/, '')];
  if (compress === undefined || !kind.endsWith('-tar')) throw new Error(`not the bytes of a file: ${detail}`);
  return compress(tarOf(parseLines(readFileSync(join(folder, rest), 'utf8')), folder));
}

const TAR_TYPES = { link: 'symlink', hard: 'hardlink', pipe: 'fifo' } as const;

/** 2001-09-09T01:46:40Z: of everything in archives and base images. */
const TIME = 1_000_000_000;

/** An uncompressed tar of what the lines describe, in their order. */
export function tarOf(lines: readonly FileLine[], folder: string): Buffer {
  return makeTar(
    lines.map(({ type, path, detail, mode, uid, gid, xattrs }) => {
      const [major, minor] = detail.split(':').map(Number);
      const link = detail
        .replace(/^(?:->|=)\s*/, '')
        .replace(/^"(.*)"$/, (text) => JSON.parse(text) as string);
      return {
        path: type === 'dir' ? `${path}/` : path,
        ...(type === 'file' ? { data: bytesOf(detail, folder) } : {}),
        member: {
          type: TAR_TYPES[type as keyof typeof TAR_TYPES] ?? type,
          mode,
          uid,
          gid,
          mtime: TIME,
          ...(type === 'link' || type === 'hard'
            ? { link: type === 'hard' ? link.replace(/^\//, '') : link }
            : {}),
          ...(type === 'char' || type === 'block' ? { major, minor } : {}),
          ...(xattrs.size === 0 ? {} : { xattrs }),
        } as never,
      };
    }),
  );
}
