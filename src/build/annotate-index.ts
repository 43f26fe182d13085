import { LapidaryError, quoted } from '../errors/index.ts';
import type { ImageDocument } from '../export/index.ts';
import { type Digest, type Index, isIndexType, type Platform, parseIndex } from '../oci/index.ts';
import { copySource, type ImagePlace, openCopySource } from './copy-image.ts';
import { checkTarget, composed, type IndexAccess } from './create-index.ts';
import { annotated, findLine, indexOver } from './index-document.ts';

export type AnnotateIndexRequest = {
  readonly place: ImagePlace;
  /** A line of the index, by digest or platform, that the rest is about; none: the index itself. */
  readonly line?: Digest | Platform | undefined;
  /** Of the line. */
  readonly platform?: Platform | undefined;
  /** An empty value takes an annotation away. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Make it and write it nowhere. */
  readonly dryRun?: boolean;
};

/** Gives an index, or a line of it, other annotations or another platform; its name moves to the new index. */
export async function annotateIndex(
  request: AnnotateIndexRequest,
  access: IndexAccess,
): Promise<ImageDocument> {
  const { place, dryRun = false } = request;
  checkPlace(place);
  const source = await openCopySource(place, access);
  if (!isIndexType(source.root.mediaType)) {
    throw new LapidaryError('UNSUPPORTED', `${quoted(source.name)} is one manifest, not an index`, {
      hint: 'make an index over it with `lapidary manifest create`',
    });
  }
  const index = parseIndex(await source.document(source.root));
  const made = changed(index, request);
  const entries = index.manifests.map((descriptor) => ({ descriptor, source }));
  if (!dryRun) await copySource(composed(made, entries), { to: place }, access.remote);
  return made;
}

function changed(index: Index, { line, platform, annotations }: AnnotateIndexRequest): ImageDocument {
  if (line === undefined) return indexOver(index.manifests, annotated(index, annotations));
  const at = findLine(index.manifests, line);
  const lines = index.manifests.map((one, i) =>
    i === at ? annotated({ ...one, ...(platform && { platform }) }, annotations) : one,
  );
  return indexOver(lines, index);
}

/** Its digest will be another one: there must be a name that can move. */
function checkPlace(place: ImagePlace): void {
  checkTarget(place);
  const isNamed = place.at === 'oci' || (place.at === 'registry' && place.reference.digest === undefined);
  if (isNamed) return;
  throw new LapidaryError(
    'USAGE',
    'an index that is annotated has a new digest: it needs a name that can move',
    {
      hint: 'name it by a tag in a registry or in an OCI layout, or make a new one with `lapidary manifest create`',
    },
  );
}
