import { createHash } from 'node:crypto';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { type TarMember, TarReader } from '../../src/tar/index.ts';

/** A line of the table of contents as any reader of the format sees it. */
export type TocLine = {
  readonly name: string;
  readonly type: string;
  readonly size?: number;
  readonly modtime?: string;
  readonly linkName?: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly digest?: string;
  readonly offset?: number;
  readonly chunkOffset?: number;
  readonly chunkSize?: number;
  readonly chunkDigest?: string;
};

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Reads an eStargz as a lazy puller does: the footer, the table of contents, then files by their offsets, each verified
 * by the digest of its chunk. Written from the format's description alone, it shares no code with the writer.
 */
export class EstargzReader {
  readonly #blob: Buffer;
  readonly tocOffset: number;
  readonly tocDigest: string;
  readonly lines: readonly TocLine[];

  constructor(blob: Buffer) {
    this.#blob = blob;
    const footer = blob.subarray(-51);
    const head = '1f8b08040000000000ff1a0053471600';
    if (footer.subarray(0, 16).toString('hex') !== head) throw new Error('the footer is another');
    const text = footer.toString('latin1', 16, 38);
    if (!/^[0-9a-f]{16}STARGZ$/.test(text)) throw new Error(`the footer says ${text}`);
    this.tocOffset = Number.parseInt(text.slice(0, 16), 16);
    const [json] = [...tarFiles(firstMember(blob.subarray(this.tocOffset, -51))).values()];
    if (json === undefined) throw new Error('there is no table of contents');
    this.tocDigest = digestOf(json);
    const toc = JSON.parse(json.toString('utf8')) as { version: number; entries: TocLine[] };
    if (toc.version !== 1) throw new Error(`a table of version ${toc.version}`);
    this.lines = toc.entries;
  }

  /** Contents of one file, from the members of its chunks alone. */
  open(name: string): Buffer {
    const first = this.lines.findIndex((line) => line.name === name);
    const { type, linkName } = this.lines[first] ?? {};
    if (type === 'hardlink' && linkName !== undefined) return this.open(linkName);
    const file = this.lines[first];
    if (file?.type !== 'reg') throw new Error(`there is no file ${name}`);
    const chunks = [file];
    for (let at = first + 1; this.lines[at]?.type === 'chunk'; at++) chunks.push(this.lines[at] as TocLine);
    const size = file.size ?? 0;
    const pieces = size === 0 ? [] : chunks.map((chunk) => this.#chunk(chunk, size));
    const whole = Buffer.concat(pieces);
    if (digestOf(whole) !== file.digest) throw new Error(`${name} does not have its digest`);
    return whole;
  }

  #chunk({ name, offset = -1, chunkOffset = 0, chunkSize = 0, chunkDigest }: TocLine, size: number): Buffer {
    const length = chunkSize || size - chunkOffset;
    const bytes = firstMember(this.#blob.subarray(offset)).subarray(0, length);
    if (bytes.length !== length || digestOf(bytes) !== chunkDigest)
      throw new Error(`a chunk of ${name} is wrong`);
    return bytes;
  }
}

/** What the gzip member at the start of these bytes holds; what follows it is not looked at. */
export function firstMember(bytes: Uint8Array): Buffer {
  if (Buffer.from(bytes.subarray(0, 4)).toString('hex') !== '1f8b0800')
    throw new Error('no gzip member begins here');
  return inflateRawSync(bytes.subarray(10));
}

/** The files of a tar by name. */
export function tarFiles(tar: Uint8Array): Map<string, Buffer> {
  const files = new Map<string, Buffer[]>();
  const members = tarMembers(
    tar,
    (member, data) => files.get(member.path)?.push(Buffer.from(data)),
    (member) => {
      if (member.type === 'file') files.set(member.path, []);
    },
  );
  return new Map(
    members
      .filter(({ type }) => type === 'file')
      .map(({ path }) => [path, Buffer.concat(files.get(path) ?? [])]),
  );
}

function tarMembers(
  tar: Uint8Array,
  onData: (member: TarMember, data: Uint8Array) => void,
  onMember: (member: TarMember) => void,
): TarMember[] {
  const members: TarMember[] = [];
  const reader = new TarReader({
    onMember: (member) => {
      members.push(member);
      onMember(member);
    },
    onData: (data) => {
      const member = members.at(-1);
      if (member) onData(member, data);
    },
    onMemberEnd: () => undefined,
  });
  reader.push(tar);
  reader.end();
  return members;
}

/**
 * What is wrong with the table when held against the whole tar, in words; `[]` when nothing is. Every member but the
 * table itself has its line, in order, and its metadata is the same.
 */
export function tocProblems(blob: Buffer): string[] {
  const problems: string[] = [];
  const { lines } = new EstargzReader(blob);
  const tar = gunzipSync(blob);
  const members = tarMembers(
    tar,
    () => undefined,
    () => undefined,
  );
  if (members.pop()?.path !== 'stargz.index.json') problems.push('the last member is not the table');
  const own = lines.filter(({ type }) => type !== 'chunk');
  if (own.length !== members.length) problems.push(`${own.length} lines for ${members.length} members`);
  for (const [index, member] of members.entries()) {
    const line = own[index];
    const want = JSON.stringify(memberFacts(member));
    const found = line && JSON.stringify(lineFacts(line));
    if (found !== want) problems.push(`${member.path}: the tar says ${want}, the table ${found}`);
  }
  return problems;
}

function memberFacts(member: TarMember): unknown[] {
  const { path, type, size, mode, uid, gid, mtime, mtimeNs, link, major, minor, xattrs } = member;
  const device = type === 'char' || type === 'block' ? [major, minor] : [];
  const attributes = [...(xattrs ?? [])].map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return [
    path,
    type === 'file' ? 'reg' : type,
    size,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    link ?? '',
    device,
    attributes,
  ];
}

function lineFacts(line: TocLine): unknown[] {
  const {
    name,
    type,
    size = 0,
    mode,
    uid,
    gid,
    modtime = '1970-01-01T00:00:00Z',
    linkName = '',
    xattrs = {},
  } = line;
  const device = type === 'char' || type === 'block' ? [line.devMajor, line.devMinor] : [];
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(modtime) ?? [];
  const time = Date.parse(`${seconds}Z`) / 1000;
  return [
    name,
    type,
    size,
    mode,
    uid,
    gid,
    time,
    Number(fraction.padEnd(9, '0')),
    linkName,
    device,
    Object.entries(xattrs),
  ];
}
