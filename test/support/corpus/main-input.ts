import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { BuildOptions, BuildRequest } from '../../../src/build/index.ts';
import { makeTar } from '../make-tar.ts';
import type { CaseOptions } from './case.ts';
import type { CaseServers } from './servers.ts';

/** How the main context and the Dockerfile reach the build. */
export type MainInput = Pick<BuildRequest, 'context' | 'dockerfile'> & Pick<BuildOptions, 'stdin'>;

export type InputParts = {
  readonly input: CaseOptions['input'];
  /** Where the files of the context stand. */
  readonly directory: string;
  /** Absent where it is one of those files. */
  readonly dockerfile: string | undefined;
  /** A name that nothing else on the servers has. */
  readonly name: string;
};

/** Gives a context the way that a case asks for; a directory where it asks for nothing. */
export async function mainInput(parts: InputParts, servers: CaseServers | undefined): Promise<MainInput> {
  const { input, directory, dockerfile: text, name } = parts;
  const { from = 'directory', behind = '' } = input ?? {};
  if (from === 'directory') {
    const context = { type: 'directory', path: directory } as const;
    return text === undefined
      ? { context }
      : { context, dockerfile: { type: 'text', text, name: 'Dockerfile' } };
  }
  if (from === 'stdin-text') return fromStream(Buffer.from(text ?? ''));
  if (text !== undefined) await writeFile(join(directory, 'Dockerfile'), text);
  if (from === 'stdin-tar') return fromStream(gzipSync(tarOf(directory)));
  if (servers === undefined) throw new Error(`${name} needs servers`);
  if (from === 'git') return fromUrl(`${servers.publish(directory, name)}${behind}`);
  const archives = `${directory}-archive`;
  await mkdir(archives);
  await writeFile(join(archives, 'context.tar'), tarOf(directory));
  return fromUrl(`${await servers.serve(archives, name)}/context.tar`);
}

const fromStream = (bytes: Uint8Array): MainInput => ({
  context: { type: 'stream' },
  stdin: Readable.from([bytes]),
});
const fromUrl = (location: string): MainInput => ({ context: { type: 'remote', location } });

function tarOf(directory: string): Buffer {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return makeTar(
    names.map((path) => {
      const stat = statSync(join(directory, path));
      const member = { mode: stat.mode & 0o7777, uid: 1000, gid: 1000 };
      if (stat.isDirectory()) return { path: `${path}/`, member: { ...member, type: 'dir' } };
      return { path, data: readFileSync(join(directory, path)), member };
    }),
  );
}
