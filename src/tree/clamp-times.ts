import type { Entry, Inode } from './entry.ts';
import { mapSteps, type Steps } from './steps.ts';

/** The same layer with no time later than the epoch (seconds since 1970). */
export function clampTimes(entries: readonly Entry[], epoch: number): Steps<Entry[]> {
  const late = ({ mtime, mtimeNs }: Inode): boolean => mtime > epoch || (mtime === epoch && mtimeNs > 0);
  return mapSteps(entries, (entry) =>
    entry.kind === 'node' && late(entry.node)
      ? { ...entry, node: { ...entry.node, mtime: epoch, mtimeNs: 0 } }
      : entry,
  );
}
