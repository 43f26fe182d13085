import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Digest } from '../../src/oci/index.ts';
import { openSandbox } from '../../src/sandbox/index.ts';
import type { RunRequest, RunResult, Runtime, StorePaths } from '../../src/solve/index.ts';
import {
  decodeLayer,
  type Entry,
  encodeTree,
  finish,
  type Layer,
  type LayerId,
  type Metadata,
} from '../../src/tree/index.ts';
import { layerId } from '../../src/tree/testing.ts';
import { removeScratch } from '../support/remove-scratch.ts';

export const ROOT: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 1_000_000_000, mtimeNs: 0 };

export function dir(path: string, metadata: Partial<Metadata> = {}): Entry {
  return { kind: 'node', path, node: { ...ROOT, ...metadata, type: 'dir' } };
}

export function file(path: string, text: string | Uint8Array, metadata: Partial<Metadata> = {}): Entry {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  const content = { kind: 'bytes', bytes } as const;
  return {
    kind: 'node',
    path,
    node: { ...ROOT, mode: 0o644, ...metadata, type: 'file', size: bytes.byteLength, digest, content },
  };
}

export function symlink(path: string, target: string): Entry {
  return { kind: 'node', path, node: { ...ROOT, mode: 0o777, type: 'symlink', target } };
}

/** The least that a layer store can be: tables and packs, as in the real one. */
export class TestStore {
  readonly root: string;
  readonly paths: StorePaths;

  /** Makes a new one, or opens the one at `root`. */
  constructor(root: string = mkdtempSync(`${realpathSync(tmpdir())}/lapidary-sandbox-`)) {
    this.root = root;
    const path = (name: string): string => `${this.root}/${name}`;
    this.paths = {
      layers: path('layers'),
      packs: path('packs'),
      trees: path('trees'),
      caches: path('caches'),
      unsettled: path('unsettled'),
      form: path('form'),
      discarded: path('discarded'),
      work: path('work'),
    };
    const { form: _, ...directories } = this.paths;
    for (const directory of Object.values(directories)) mkdirSync(directory, { recursive: true });
  }

  /** Makes a layer; contents in memory go to one pack. */
  write(entries: readonly Entry[]): LayerId {
    const chunks: Uint8Array[] = [];
    let offset = 0;
    const pack = layerId(entries).slice('sha256:'.length);
    const packed = entries.map((entry): Entry => {
      if (entry.kind !== 'node' || entry.node.type !== 'file' || entry.node.content.kind !== 'bytes')
        return entry;
      chunks.push(entry.node.content.bytes);
      offset += entry.node.size;
      const content = { kind: 'pack', pack, offset: offset - entry.node.size } as const;
      return { ...entry, node: { ...entry.node, content } };
    });
    writeFileSync(`${this.paths.packs}/${pack}`, Buffer.concat(chunks));
    const { id, pieces } = finish(encodeTree(packed));
    writeFileSync(`${this.paths.layers}/${id.slice(7)}`, Buffer.concat(pieces));
    return id;
  }

  async adopt(table: string): Promise<Layer> {
    const layer = finish(decodeLayer(readFileSync(table)));
    renameSync(table, `${this.paths.layers}/${layer.id.slice(7)}`);
    return layer;
  }

  async adoptTable(table: string): Promise<LayerId> {
    return (await this.adopt(table)).id;
  }

  remove(): Promise<void> {
    return removeScratch(this.root);
  }
}

const PROGRAMS = [
  'sh',
  'cat',
  'ls',
  'mv',
  'ln',
  'rm',
  'mkdir',
  'rmdir',
  'chmod',
  'chown',
  'touch',
  'mknod',
  'mkfifo',
  'id',
  'sleep',
  'stty',
  'stat',
  'env',
  'true',
  'pwd',
  'head',
  'seq',
  'perl',
  'mount',
  'cp',
  'readlink',
  'uname',
  'grep',
  'setpriv',
  'setfattr',
  'bash',
  'busybox',
] as const;

/** A root filesystem out of this machine's own shell and core utilities, with the libraries they need. */
export function baseEntries(): Entry[] {
  const entries = new Map<string, Entry>();
  const add = (entry: Entry): void => {
    entries.set(entry.path, entry);
  };
  for (const path of ['bin', 'lib', 'lib64', 'etc', 'tmp', 'root', 'var', 'usr', 'usr/bin'])
    add(dir(path, path === 'tmp' ? { mode: 0o1777 } : {}));
  for (const name of PROGRAMS) {
    const host = find(name);
    if (host === undefined) continue;
    add(file(`bin/${name}`, readFileSync(host), { mode: 0o755 }));
    for (const library of libraries(host)) {
      const path = library.slice(1);
      for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) add(dir(path.slice(0, at)));
      add(file(path, readFileSync(library), { mode: 0o755 }));
    }
  }
  add(file('etc/passwd', 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n'));
  return [...entries.values()];
}

function find(name: string): string | undefined {
  const path = execFileSync('sh', ['-c', `command -v ${name} || true`], { encoding: 'utf8' }).trim();
  return path.startsWith('/') ? path : undefined;
}

function libraries(program: string): string[] {
  // Says `not a dynamic executable`, and fails, for one that needs none
  const listed = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) =>
    path === undefined ? [] : [path],
  );
}

export const ENV: readonly string[] = ['PATH=/usr/bin:/bin', 'HOME=/root'];

export type ShellResult = { readonly result: RunResult; readonly out: string; readonly err: string };

export function request(layers: readonly LayerId[], more: Partial<RunRequest> = {}): RunRequest {
  const user = { uid: 0, gid: 0, groups: [] };
  return {
    layers,
    argv: ['/bin/sh', '-c', 'true'],
    env: ENV,
    cwd: '/',
    user,
    hostname: 'lapidary',
    network: 'host',
    ...more,
  };
}

/** Runs a request and gathers what it prints. */
export async function run(
  runtime: Runtime,
  what: RunRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<ShellResult> {
  const output = { stdout: '', stderr: '' };
  const result = await runtime.run(what, {
    onOutput: (stream, data) => {
      output[stream] += Buffer.from(data).toString('latin1');
    },
    signal,
  });
  return { result, out: output.stdout, err: output.stderr };
}

export function openRuntime(store: TestStore): Runtime {
  return openSandbox({ paths: store.paths, layers: store });
}

/** The entries of a successful run, by path and kind. */
export function changeOf({ result, err }: ShellResult): Map<string, Entry> {
  if (!result.ok) throw new Error(`the command failed with ${result.exitCode}: ${err}`);
  return new Map(result.layer.entries.map((entry) => [`${entry.kind} ${entry.path}`, entry]));
}
