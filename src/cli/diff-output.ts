import type { ImageDiff, LookedAtImage, PathChange, SettingChange } from '../build/index.ts';
import { printable, quoted } from '../errors/index.ts';
import { formatPlatform } from '../oci/index.ts';
import { formatSize } from '../progress/index.ts';
import { formatJson } from './json.ts';
import { fitted, imageLine } from './size-output.ts';
import { alignColumns } from './table.ts';

type Names = { readonly before: string; readonly after: string };

const imageJson = (image: string, { id, platform, size }: LookedAtImage): object => ({
  image,
  id,
  platform: formatPlatform(platform),
  size,
});

/** Every path and setting, sizes in bytes. */
export function diffJson({ before, after }: Names, diff: ImageDiff): string {
  return formatJson({ ...diff, before: imageJson(before, diff.before), after: imageJson(after, diff.after) });
}

export function diffText(
  { before, after }: Names,
  diff: ImageDiff,
  { all, columns }: { readonly all: boolean; readonly columns: number | undefined },
): string {
  const head = [
    `- ${imageLine(before, diff.before)} ${formatSize(diff.before.size)}`,
    `+ ${imageLine(after, diff.after)} ${formatSize(diff.after.size)}`,
    `  ${signed(diff.after.size - diff.before.size)}, ${diff.sharedLayers === 1 ? '1 layer is' : `${diff.sharedLayers} layers are`} shared`,
    '',
  ].join('\n');
  const parts = [head, settings(diff.config), files(diff.files, all)].filter((part) => part !== '');
  if (parts.length === 1) parts.push('no differences\n');
  return fitted(parts.join('\n'), columns);
}

const signed = (bytes: number): string => (bytes < 0 ? `-${formatSize(-bytes)}` : `+${formatSize(bytes)}`);

function settings(changes: readonly SettingChange[]): string {
  return changes
    .map(({ setting, before, after }) => {
      const values = [before, after]
        .filter((one) => one !== undefined && one !== '')
        .map((one) => quoted(one ?? ''));
      const mark = before === undefined ? '+' : after === undefined ? '-' : '~';
      return printable(`${mark} ${setting}${values.length === 0 ? '' : ` ${values.join(' -> ')}`}\n`);
    })
    .join('');
}

const MARKS = { added: '+', removed: '-', changed: '~' } as const;

function files(changes: readonly PathChange[], all: boolean): string {
  if (changes.length === 0) return '';
  const shown = all ? changes : folded(changes);
  const rows = shown.map((one) => [
    `${MARKS[one.change]} ${deltaOf(one) === 0 ? '' : signed(deltaOf(one))}`,
    [oneLine(one.path) + (one.type === 'dir' ? '/' : ''), noteOf(one)].filter(Boolean).join('  '),
  ]);
  const sums = (['added', 'removed', 'changed'] as const).flatMap((change) => {
    const those = changes.filter((one) => one.change === change);
    const bytes = those.reduce((sum, one) => sum + deltaOf(one), 0);
    return those.length === 0 ? [] : [`${those.length} ${change} (${signed(bytes)})`];
  });
  return `${alignColumns(rows)}\n${sums.join(', ')}\n`;
}

const oneLine = (path: string): string => printable(path).replaceAll('\n', '\\n');

function deltaOf(one: PathChange): number {
  if (one.change === 'changed') return one.bytes - one.before;
  return one.change === 'added' ? one.bytes : -one.bytes;
}

type Folded = PathChange & { readonly inside?: number };

/** A directory that came or went as a whole is one line with what all below it come to. */
function folded(changes: readonly PathChange[]): readonly Folded[] {
  const rows: (Folded & { inside: number; bytes: number })[] = [];
  for (const one of changes) {
    const last = rows.at(-1);
    const below = last?.type === 'dir' && one.path.startsWith(last.path === '/' ? '/' : `${last.path}/`);
    if (last !== undefined && below && last.change !== 'changed' && last.change === one.change) {
      last.bytes += one.bytes;
      last.inside += 1;
    } else rows.push({ ...one, inside: 0 });
  }
  return rows;
}

function noteOf(one: Folded): string {
  if (one.change !== 'changed') return one.inside ? `(${one.inside} inside)` : '';
  return one.what
    .map((what) => {
      const [before, after] = one.details[what] ?? [];
      return before === undefined ? what : printable(`${what} ${quoted(before)} -> ${quoted(after ?? '')}`);
    })
    .join(', ');
}
