import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { type Source, SourceError, type Span } from '../errors/index.ts';

/** More than any project file that means well; what expands by aliases is bounded by the library. */
const MAX_CHARACTERS = 1024 * 1024;

/** A YAML file whose values know where they stand, so that errors can point at them. */
export class YamlDocument {
  readonly source: Source;
  readonly root: YamlValue;

  /** @throws SourceError PROJECT_INVALID when it is no YAML, or not a mapping */
  constructor(source: Source) {
    this.source = source;
    if (source.text.length > MAX_CHARACTERS) {
      const hint = `at most ${MAX_CHARACTERS} characters are read`;
      throw invalid('the file is too long', { source, span: { start: 0, end: 1 } }, hint);
    }
    const document = parseDocument(source.text, { prettyErrors: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) {
      const [start, end] = error.pos;
      throw invalid(`this is not YAML: ${error.message}`, { source, span: { start, end } });
    }
    this.root = new YamlValue(document.contents ?? undefined, { document, source, path: '' });
    if (document.contents !== null && !isMap(document.contents)) throw this.root.wrong('names with values');
  }
}

type Place = { readonly document: Document; readonly source: Source; readonly path: string };

/** A value, or the absence of one. Every reader returns `undefined` for what is not there. */
export class YamlValue {
  readonly #node: Node | undefined;
  readonly #place: Place;

  constructor(node: unknown, place: Place) {
    const resolved = isNode(node) ? resolve(node, place.document) : undefined;
    this.#node = isScalar(resolved) && resolved.value === null ? undefined : resolved;
    this.#place = place;
  }

  get isThere(): boolean {
    return this.#node !== undefined;
  }

  /** Where it stands; the start of the file when it is not there. */
  get at(): { readonly source: Source; readonly span: Span } {
    const [start, end] = this.#node?.range ?? [0, 1];
    return { source: this.#place.source, span: { start, end: Math.max(end, start + 1) } };
  }

  /** A value of a mapping. @throws SourceError when this is something else */
  get(key: string): YamlValue {
    return this.#child(this.#map()?.get(key, true), key);
  }

  /** The names and values of a mapping, in order. @throws SourceError when this is something else */
  entries(): [string, YamlValue][] {
    return (this.#map()?.items ?? []).map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : String(key);
      return [name, this.#child(value, name)];
    });
  }

  /** Text; numbers and booleans as they are written. @throws SourceError for lists and mappings */
  text(): string | undefined {
    const node = this.#node;
    if (node === undefined) return undefined;
    if (!isScalar(node)) throw this.wrong('a text');
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  /** @throws SourceError for anything but true and false */
  flag(): boolean | undefined {
    const node = this.#node;
    if (node === undefined) return undefined;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    throw this.wrong('true or false');
  }

  /** A list, or one value for a list of it. @throws SourceError for what is no text in it */
  texts(): string[] | undefined {
    return this.items()?.map((item) => item.text() ?? '');
  }

  /** The values of a list; a value that is none counts as a list of it. */
  items(): YamlValue[] | undefined {
    const node = this.#node;
    if (node === undefined) return undefined;
    return isSeq(node) ? node.items.map((item, index) => this.#child(item, String(index))) : [this];
  }

  /** What is wrong with this value, as an error that points at it. */
  wrong(expected: string, hint?: string): SourceError {
    const name = this.#place.path === '' ? 'the file' : `\`${this.#place.path}\``;
    return invalid(`${name} is not what it should be: expected ${expected}`, this.at, hint);
  }

  #map(): YAMLMap | undefined {
    const node = this.#node;
    if (node === undefined || isMap(node)) return node;
    throw this.wrong('names with values');
  }

  #child(node: unknown, name: string): YamlValue {
    const { path } = this.#place;
    return new YamlValue(node, { ...this.#place, path: path === '' ? name : `${path}.${name}` });
  }
}

/** An alias stands for what it names. */
function resolve(node: Node, document: Document): Node | undefined {
  return isAlias(node) ? node.resolve(document) : node;
}

export function invalid(
  message: string,
  at: { readonly source: Source; readonly span: Span },
  hint?: string,
): SourceError {
  return new SourceError('PROJECT_INVALID', message, at, { hint });
}
