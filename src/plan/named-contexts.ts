import { LapidaryError } from '../errors/index.ts';
import { formatReference, type Platform, parseReference, withDefaultTag } from '../oci/index.ts';
import type { CopyOp, StepOrigin } from './op.ts';
import type { StageStart } from './stage-state.ts';
import type { PlanOptions } from './types.ts';

/** A context as it was named, and whether it is a tree of files or an image. */
export type FoundContext = { readonly name: string; readonly kind: 'directory' | 'image' };

/** Named contexts by everything that means the same name: `alpine` is `docker.io/library/alpine:latest`. */
export class NamedContexts {
  readonly #contexts = new Map<string, FoundContext>();

  constructor(contexts: PlanOptions['contexts']) {
    for (const [name, kind] of contexts) this.#contexts.set(normalised(name), { name, kind });
  }

  find(name: string): FoundContext | undefined {
    return this.#contexts.size === 0 ? undefined : this.#contexts.get(normalised(name));
  }
}

/** Names of stages, in any case, need not be names of images. */
function normalised(name: string): string {
  try {
    return formatReference(withDefaultTag(parseReference(name.toLowerCase())));
  } catch (error) {
    if (error instanceof LapidaryError) return name.toLowerCase();
    throw error;
  }
}

/** A stage that begins with the files of a context, and no configuration. */
export function startFromFiles(name: string, platform: Platform, origin: StepOrigin): StageStart {
  const op: CopyOp = {
    op: 'copy',
    base: { op: 'scratch' },
    from: { op: 'context', name },
    sources: [{ kind: 'path', path: '/', unpack: false, at: origin.at }],
    destination: '/',
    exclude: [],
    parents: false,
    link: false,
    origin,
  };
  return { op, config: { WorkingDir: '/' }, history: [{ createdBy: origin.title, op }], platform };
}
