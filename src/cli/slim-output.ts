import type { DirectorySize, Slimmed, SlimmedImage } from '../build/index.ts';
import { printable, quoted } from '../errors/index.ts';
import { familiarName, formatPlatform, parseReference } from '../oci/index.ts';
import { formatSize } from '../progress/index.ts';
import { formatJson } from './json.ts';
import { count, fitted, imageLine, type ListOptions } from './size-output.ts';
import { alignColumns } from './table.ts';

/** All that is known, sizes in bytes. */
export function slimJson({ reference, images }: Slimmed): string {
  return formatJson({
    reference,
    images: images.map(({ platform, ...rest }) => ({ platform: formatPlatform(platform), ...rest })),
  });
}

export function slimText({ reference, images }: Slimmed, options: ListOptions): string {
  const name = familiarName(parseReference(reference));
  return fitted(images.map((image) => imageText(name, image, options)).join('\n'), options.columns);
}

function imageText(name: string, image: SlimmedImage, { top }: ListOptions): string {
  const { size, before, kept, leftOut } = image;
  const share = before === 0 ? '' : ` (${((size / before) * 100).toFixed(1)}%)`;
  const roots = new Map(image.roots.toReversed().map(({ path, why }) => [path, why]));
  return [
    imageLine(name, image),
    `${formatSize(size)}${share} of ${formatSize(before)}; ${count(kept.files, 'file')} kept, ${leftOut.files} left out`,
    '',
    alignColumns([
      ['KEPT WITH ALL IT NEEDS', 'FOR'],
      ...[...roots].reverse().map(([path, why]) => [oneLine(path), why]),
    ]),
    leftOutText(leftOut, top),
    ...notesOf(image).map((note) => `${note}\n`),
  ].join('\n');
}

/** What somebody has to look at, a line each. */
function notesOf({ notes, missing, findings }: SlimmedImage): string[] {
  const gone = missing.map(
    ({ name, neededBy }) => `${quoted(neededBy)} needs ${quoted(name)}, which the image does not have`,
  );
  const wrong = findings.map(({ rule, message }) => `${rule}: ${message}`);
  return [...notes, ...gone.slice(0, NAMED), ...wrong].map((line) => `note: ${oneLine(line)}`);
}

/** What a whole directory of programs lacks would be a long list. */
const NAMED = 10;

const oneLine = (text: string): string => printable(text).replaceAll('\n', '\\n');

/** The largest directories, no deeper than was looked, but for those that hold little themselves. */
function leftOutText(root: DirectorySize, top: number): string {
  if (root.files === 0) return '';
  const flat = root.directories.flatMap((one) => (one.directories.length === 0 ? [one] : one.directories));
  const sorted = flat.toSorted((a, b) => b.bytes - a.bytes);
  const kept = top === 0 ? sorted : sorted.slice(0, top);
  const rows = kept.map(({ bytes, files, path }) => [formatSize(bytes), String(files), oneLine(path)]);
  const rest = root.bytes - kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const files = root.files - kept.reduce((sum, one) => sum + one.files, 0);
  const others = files === 0 ? [] : [[formatSize(rest), String(files), '(elsewhere)']];
  return alignColumns([['LEFT OUT', 'FILES', 'DIRECTORY'], ...rows, ...others]);
}
