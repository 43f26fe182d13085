import { LapidaryError, quoted } from '../errors/index.ts';
import { type Descriptor, formatReference, parseReference, withDefaultTag } from '../oci/index.ts';

/** Which lines of a layout's `index.json` are meant. */
export type LayoutPick =
  | { readonly by: 'all' }
  /** The only image there is, else the one tagged `latest`. */
  | { readonly by: 'default' }
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'digest'; readonly digest: string };

/** What containerd and BuildKit write the whole name of an image to. */
const IMAGE_NAME = 'io.containerd.image.name';
/** OCI image-spec v1.1.1, annotations.md: the tag within a layout; some tools put the whole name there. */
const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * The lines that `pick` means, in their order.
 * @throws LapidaryError IMAGE_NOT_FOUND when there are none, or several where one is meant
 */
export function pickLines(
  lines: readonly Descriptor[],
  pick: LayoutPick,
  name: string,
): readonly Descriptor[] {
  if (lines.length === 0) throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(name)} holds no image`);
  if (pick.by === 'all') return lines;
  const found = lines.filter((line) => matches(line, pick, lines));
  if (new Set(found.map(({ digest }) => digest)).size === 1) return found;
  const what = pick.by === 'digest' ? pick.digest : `tag ${quoted(pick.by === 'tag' ? pick.tag : 'latest')}`;
  const problem = found.length === 0 ? 'holds no image with' : 'holds several images with';
  throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(name)} ${problem} ${what}`, {
    hint: `it holds ${lines.slice(0, 10).map(lineName).join(', ')}${lines.length > 10 ? ', …' : ''}`,
  });
}

function matches(line: Descriptor, pick: LayoutPick, lines: readonly Descriptor[]): boolean {
  if (pick.by === 'tag') return hasTag(line, pick.tag);
  if (pick.by === 'digest') return line.digest === pick.digest;
  return lines.every(({ digest }) => digest === line.digest) || hasTag(line, 'latest');
}

function hasTag(line: Descriptor, tag: string): boolean {
  return (
    line.annotations?.[REF_NAME] === tag || lineReferences(line).some((name) => name.endsWith(`:${tag}`))
  );
}

const lineName = ({ annotations, digest }: Descriptor): string =>
  quoted(annotations?.[IMAGE_NAME] ?? annotations?.[REF_NAME] ?? digest);

/** Normalised references that a line is named by. A bare tag names nothing outside of its layout. */
export function lineReferences({ annotations }: Descriptor): string[] {
  const full = annotations?.[IMAGE_NAME];
  const short = annotations?.[REF_NAME];
  const names = [full, short !== undefined && /[/:]/.test(short) ? short : undefined];
  return [...new Set(names.flatMap(normalised))];
}

function normalised(name: string | undefined): string[] {
  if (name === undefined) return [];
  try {
    return [formatReference(withDefaultTag(parseReference(name)))];
  } catch (error) {
    if (error instanceof LapidaryError) return []; // annotations may hold anything
    throw error;
  }
}
