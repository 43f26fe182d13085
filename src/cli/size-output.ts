import type { DirectorySize, ImageSize, LookedAtImage, SizeReport } from '../build/index.ts';
import { printable } from '../errors/index.ts';
import { formatPlatform } from '../oci/index.ts';
import { cut, formatSize } from '../progress/index.ts';
import type { OutputStream } from './io.ts';
import { formatJson } from './json.ts';
import { alignColumns } from './table.ts';

export type ListOptions = {
  /** Lines of each list; 0 is all. */
  readonly top: number;
  /** Of a terminal; `undefined` where lines may be of any length. */
  readonly columns: number | undefined;
};

/** Everything that is known, in bytes. */
export function sizeJson(name: string, { image, report }: ImageSize): string {
  const { id, platform } = image;
  return formatJson({ image: name, id, platform: formatPlatform(platform), ...report });
}

/** `app:1.0 linux/amd64 sha256:…` as the first line of a report. */
export function imageLine(name: string, { id, platform }: Pick<LookedAtImage, 'id' | 'platform'>): string {
  return `${printable(name)} ${formatPlatform(platform)} ${id}`;
}

export function sizeText(name: string, { image, report }: ImageSize, options: ListOptions): string {
  const parts = [
    summary(name, image, report),
    layers(report),
    directories(report, options),
    packages(report, options),
    wasted(report, options),
    duplicates(report, options),
  ];
  return fitted(parts.filter((part) => part !== '').join('\n'), options.columns);
}

/** Lines are cut for terminals only: what reads a pipe gets them whole. */
export function columnsOf(stream: OutputStream): number | undefined {
  return stream.isTTY === true ? stream.columns || 80 : undefined;
}

/** Lines that a terminal would wrap are cut. */
export function fitted(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .map((line) => cut(line, columns))
    .join('\n');
}

function summary(name: string, image: LookedAtImage, report: SizeReport): string {
  const { size, compressed, directories: root, layers: all } = report;
  const blobs = compressed === undefined ? '' : `, ${formatSize(compressed)} compressed`;
  return [
    imageLine(name, image),
    `${formatSize(size)} in ${count(all.length, 'layer')}${blobs}; ${formatSize(root.bytes)} in ${count(root.files, 'file')}`,
    '',
  ].join('\n');
}

export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/** Of any text one line. */
const line = (text: string): string => printable(text.replace(/\s+/g, ' ').trim());

function layers({ layers: all }: SizeReport): string {
  const rows = all.map(({ size, compressed, wasted: lost, createdBy }, i) => [
    String(i + 1),
    formatSize(size),
    compressed === undefined ? '-' : formatSize(compressed),
    lost === 0 ? '-' : formatSize(lost),
    line(createdBy) || '-',
  ]);
  return rows.length === 0
    ? ''
    : alignColumns([['LAYER', 'SIZE', 'COMPRESSED', 'WASTED', 'CREATED BY'], ...rows]);
}

/** Directories of a smaller share are told together. */
const SMALL = 0.005;

function directories({ directories: root }: SizeReport, { top }: ListOptions): string {
  const rows: string[][] = [];
  const visit = (directory: DirectorySize, indent: string): void => {
    const { bytes, files, path } = directory;
    const shown = indent === '' ? path : path.slice(path.lastIndexOf('/') + 1);
    rows.push([formatSize(bytes), percent(bytes, root.bytes), String(files), `${indent}${line(shown)}`]);
    const worth = directory.directories.filter((one) => top === 0 || one.bytes > root.bytes * SMALL);
    const kept = first(worth, top);
    for (const below of kept) visit(below, `${indent}  `);
    const rest = directory.directories.slice(kept.length);
    const sum = rest.reduce((all, one) => all + one.bytes, 0);
    const inside = rest.reduce((all, one) => all + one.files, 0);
    if (sum === 0) return;
    rows.push([
      formatSize(sum),
      percent(sum, root.bytes),
      String(inside),
      `${indent}  (${rest.length} more)`,
    ]);
  };
  visit(root, '');
  return alignColumns([['SIZE', 'SHARE', 'FILES', 'DIRECTORY'], ...rows]);
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((part / whole) * 100).toFixed(1)}%`;

function first<T>(list: readonly T[], top: number): readonly T[] {
  // One more line says as much as a line that says that there is one more
  return top === 0 || list.length === top + 1 ? list : list.slice(0, top);
}

type List<T> = {
  readonly heading: readonly string[];
  readonly items: readonly T[];
  readonly row: (item: T) => readonly string[];
  readonly bytes: (item: T) => number;
};

/** A table of the first items, and what the others come to. */
function table<T>({ heading, items, row, bytes }: List<T>, { top }: ListOptions): string {
  if (items.length === 0) return '';
  const kept = first(items, top);
  const rest = items.slice(kept.length);
  const sum = rest.reduce((all, one) => all + bytes(one), 0);
  const more = rest.length === 0 ? [] : [[formatSize(sum), `(${rest.length} more)`]];
  return alignColumns([heading, ...kept.map(row), ...more]);
}

function packages({ packages: all, directories: root }: SizeReport, options: ListOptions): string {
  if (all.length === 0) return '';
  const owned = all.reduce((sum, { bytes }) => sum + bytes, 0);
  const files = all.reduce((sum, one) => sum + one.files, 0);
  const others = `${formatSize(root.bytes - owned)} in ${count(root.files - files, 'file')} of no package\n`;
  const list = {
    heading: ['SIZE', 'PACKAGE', 'VERSION'],
    items: all,
    row: ({ bytes, name, version }: (typeof all)[number]) => [formatSize(bytes), line(name), line(version)],
    bytes: ({ bytes }: (typeof all)[number]) => bytes,
  };
  return table(list, options) + others;
}

function wasted({ wasted: all }: SizeReport, options: ListOptions): string {
  type File = (typeof all)[number];
  const row = ({ bytes, layer, hiddenBy, how, path }: File): string[] => [
    formatSize(bytes),
    `${layer + 1}, ${how} in ${hiddenBy + 1}`,
    line(path),
  ];
  return table(
    { heading: ['WASTED', 'LAYER', 'FILE'], items: all, row, bytes: ({ bytes }) => bytes },
    options,
  );
}

function duplicates({ duplicates: all }: SizeReport, options: ListOptions): string {
  type Group = (typeof all)[number];
  const bytes = ({ bytes: one, paths }: Group): number => one * (paths.length - 1);
  const row = (group: Group): string[] => [
    formatSize(bytes(group)),
    String(group.paths.length),
    group.paths.slice(0, 4).map(line).join(' ') + (group.paths.length > 4 ? ' …' : ''),
  ];
  return table({ heading: ['DUPLICATE', 'COPIES', 'FILES'], items: all, row, bytes }, options);
}
