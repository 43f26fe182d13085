import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* Builds examples/crystal-server in several ways and writes into the README how large the images are. */

const ROOT = join(import.meta.dirname, '..');
const PROJECT = join(ROOT, 'examples/crystal-server');
const BASE = 'debian:trixie-slim';
const BEGIN = '<!-- sizes -->';
const END = '<!-- /sizes -->';

type Way = { readonly name: string; readonly flags: readonly string[] };

const dockerfile = (name: string): string[] => [
  '-f',
  join(import.meta.dirname, 'sizes', `${name}.Dockerfile`),
];

const WAYS: readonly Way[] = [
  { name: 'a single stage, with the compiler in it', flags: dockerfile('single-stage') },
  { name: 'two stages: a static program on a slim base', flags: dockerfile('multi-stage') },
  { name: '`lapidary build`', flags: [] },
  {
    name: '`lapidary build --base distroless`: with certificates and time zones',
    flags: ['--base', 'distroless'],
  },
  { name: '`lapidary build --tls on`: with OpenSSL and certificates', flags: ['--tls', 'on'] },
];

const scratch = mkdtempSync(join(tmpdir(), 'lapidary-sizes-'));
try {
  if (!lapidary('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n').includes(BASE)) {
    lapidary('bootstrap', '--allow-expired', '--tag', BASE, BASE);
  }
  write(WAYS.map(measure));
} finally {
  rmSync(scratch, { recursive: true });
}

function lapidary(...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(ROOT, 'bin/lapidary.js'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

type Size = { readonly size: number; readonly layers: readonly { readonly compressed: number }[] };
type Inspected = readonly [{ readonly Config: { readonly User: string } }];

/** Builds for amd64, writes an archive so that layers are compressed, and gives a row of the table. */
function measure({ name, flags }: Way, index: number): string {
  const tag = `size-${index}`;
  const archive = `type=oci,dest=${join(scratch, 'image.tar')}`;
  lapidary('build', '-t', tag, '--platform', 'linux/amd64', '-o', archive, ...flags, PROJECT);
  const { size, layers } = JSON.parse(lapidary('size', '--json', tag)) as Size;
  const [{ Config }] = JSON.parse(lapidary('inspect', tag)) as Inspected;
  const compressed = layers.reduce((sum, layer) => sum + layer.compressed, 0);
  return `| ${name} | ${megabytes(compressed)} | ${megabytes(size)} | ${Config.User === '' ? 'root' : Config.User} |`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

function write(rows: readonly string[]): void {
  const path = join(ROOT, 'README.md');
  const text = readFileSync(path, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  const table = ['| image | compressed | uncompressed | user |', '| --- | ---: | ---: | --- |', ...rows];
  writeFileSync(path, `${text.slice(0, begin)}${BEGIN}\n\n${table.join('\n')}\n\n${text.slice(end)}`);
  execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['format', '--write', path]);
}
