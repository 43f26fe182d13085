import { LapidaryError, quoted } from '../errors/index.ts';
import { formatReference, parseReference } from '../oci/index.ts';
import type { RemoteAccess } from './remote-access.ts';

/** What a registry answers that knows no way to remove a tag alone. */
const REFUSALS = new Set<unknown>([400, 404, 405, 501]);

/** See `ImageTools.remove`. */
export async function removeManifest(
  name: string,
  { registries, signal }: RemoteAccess,
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<string> {
  const { registry, repository, digest, tag } = parseReference(name);
  const target = digest ?? tag;
  if (target === undefined) {
    throw new LapidaryError('USAGE', `${quoted(name)} has no tag and no digest`, {
      hint: 'write NAME:TAG to remove a tag, or NAME@sha256:… to remove a manifest with all of its tags',
    });
  }
  const place = await registries.repository({ registry, repository });
  // Says that it is not there, where it is not, before a refusal could be about anything else
  const found = await place.resolve(target, { signal });
  const removed = formatReference({
    registry,
    repository,
    ...(digest === undefined ? { tag: target } : { digest }),
  });
  const told = digest === undefined ? `${removed}@${found.digest}` : removed;
  if (dryRun) return told;
  try {
    await place.deleteManifest(target, { signal });
  } catch (error) {
    if (digest !== undefined || !isRefusal(error)) throw error;
    throw new LapidaryError(
      'UNSUPPORTED',
      `the registry ${registry} does not remove tags: ${error.message}`,
      {
        hint: `remove the manifest with all of its tags: lapidary manifest rm ${formatReference({ registry, repository, digest: found.digest })}`,
        cause: error,
      },
    );
  }
  return told;
}

function isRefusal(error: unknown): error is LapidaryError {
  return error instanceof LapidaryError && 'status' in error && REFUSALS.has(error.status);
}
