import type { Lock, LockedImage } from './lock-file.ts';

/** A line of a lock that came, went or has another value. */
export type LockChange = {
  readonly what: 'image' | 'layout' | 'file' | 'git';
  readonly name: string;
  /** Of an image; absent for what its name leads to. */
  readonly platform?: string;
  /** Absent where it came. */
  readonly from?: string;
  /** Absent where it went. */
  readonly to?: string;
};

type Line = Omit<LockChange, 'from' | 'to'> & { readonly value: string };

/** What the lines of two locks differ in, images first, by name. */
export function lockChanges(before: Lock, after: Lock): readonly LockChange[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  return keys.flatMap((key) => {
    const [from, to] = [old.get(key), now.get(key)];
    const line = to ?? from;
    if (line === undefined || from?.value === to?.value) return [];
    const { value: _, ...name } = line;
    return [{ ...name, ...(from && { from: from.value }), ...(to && { to: to.value }) }];
  });
}

function linesOf({ images, layouts, files, git }: Lock): Map<string, Line> {
  const lines: Line[] = [
    ...Object.entries(images).flatMap(([name, image]) => imageLines('image', name, image)),
    ...Object.entries(layouts).flatMap(([name, image]) => imageLines('layout', name, image)),
    ...Object.entries(files).map(([name, value]): Line => ({ what: 'file', name, value })),
    ...Object.entries(git).map(([name, value]): Line => ({ what: 'git', name, value })),
  ];
  const order = ['image', 'layout', 'file', 'git'];
  return new Map(
    lines.map((line) => [JSON.stringify([order.indexOf(line.what), line.name, line.platform ?? '']), line]),
  );
}

function imageLines(what: 'image' | 'layout', name: string, { digest, platforms, ids }: LockedImage): Line[] {
  const own = digest === undefined ? [] : [{ what, name, value: digest }];
  const each = Object.entries({ ...ids, ...platforms });
  return [...own, ...each.map(([platform, value]) => ({ what, name, platform, value }))];
}
