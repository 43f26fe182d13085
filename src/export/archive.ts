import { END, encodeHeader, padding, type TarMember } from '../tar/index.ts';
import type { Member } from './member.ts';
import type { Output } from './output.ts';
import { readAhead } from './read-ahead.ts';

/**
 * Writes a tar of members, sorted by name with the directories they are in; one of several members with the same
 * name. Fixed times, owners and modes, as containerd writes them: the same members give the same bytes.
 */
export async function writeArchive(
  output: Output,
  members: readonly Member[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const files = new Map(members.map((member) => [member.name, member]));
  const names = new Set([...files.keys(), ...[...files.keys()].flatMap(foldersOf)]);
  for (const name of [...names].sort()) {
    signal?.throwIfAborted();
    const member = files.get(name);
    await output.write(encodeHeader(headerOf(name, member)));
    if (member !== undefined) await writeData(output, member, signal);
  }
  await output.write(END);
}

async function writeData(output: Output, member: Member, signal: AbortSignal | undefined): Promise<void> {
  for await (const chunk of readAhead(member.read())) {
    signal?.throwIfAborted();
    await output.write(chunk);
  }
  const pad = padding(member.size);
  if (pad > 0) await output.write(END.subarray(0, pad));
}

function headerOf(name: string, member: Member | undefined): TarMember {
  const fixed = { path: name, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };
  if (member === undefined) return { ...fixed, type: 'dir', mode: 0o755, size: 0 };
  return { ...fixed, type: 'file', mode: 0o444, size: member.size };
}

/** `a/b/c` is in `a` and `a/b`. */
function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}
