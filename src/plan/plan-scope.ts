import type { Dockerfile, Word } from '../dockerfile/index.ts';
import type { SourceRange } from '../errors/index.ts';
import { formatPlatform, type ImageConfig, type Platform } from '../oci/index.ts';
import { GlobalArguments } from './arguments.ts';
import { NamedContexts } from './named-contexts.ts';
import type { ImageNeed, PlanOptions, PlanWarning } from './types.ts';

/** What all stages of a Dockerfile share while they are planned. */
export class PlanScope {
  readonly file: Dockerfile;
  readonly options: PlanOptions;
  readonly globals: GlobalArguments;
  readonly contexts: NamedContexts;
  readonly warnings: PlanWarning[] = [];
  readonly #missing = new Map<string, ImageNeed>();

  constructor(file: Dockerfile, options: PlanOptions) {
    this.file = file;
    this.options = options;
    this.globals = new GlobalArguments(file, options);
    this.contexts = new NamedContexts(options.contexts);
  }

  /** The images that were asked for and whose configurations are not known. */
  get missing(): readonly ImageNeed[] {
    return [...this.#missing.values()];
  }

  /** The key of an image, and its configuration where that is known; otherwise it counts as missing from now on. */
  image(need: Omit<ImageNeed, 'key'>): { readonly key: string; readonly config: ImageConfig | undefined } {
    const key = imageKey(need.reference, need.platform);
    const config = this.options.images.get(key);
    if (config === undefined) this.#missing.set(key, { key, ...need });
    return { key, config };
  }

  at(word: Word): SourceRange {
    return { source: this.file.source, span: word.span };
  }
}

/** Names an image for one platform within a plan. */
function imageKey(reference: string, platform: Platform): string {
  return `${reference} ${formatPlatform(platform)}`;
}
