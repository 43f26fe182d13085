import { dirname } from 'node:path/posix';
import { type ElfObject, sameTarget } from './elf-object.ts';
import { type Filesystem, type Found, ImageFiles } from './image-files.ts';
import { libraryDirectories } from './library-directories.ts';
import { expandTokens, isMusl, type Loader, loaderOf } from './loader.ts';

export type ClosureOptions = {
  /** Absolute paths of files, or of directories with all that is below them. */
  readonly roots: readonly string[];
  /** Directories of the image's LD_LIBRARY_PATH. */
  readonly libraryPath?: readonly string[];
  /** Directories of its PATH: where `env` looks for interpreters. */
  readonly path?: readonly string[];
};

/** What a program or library needs and nobody has. */
export type Missing = {
  /** `program`: what `env` is told to start. `root`: one of the paths that were asked for. */
  readonly kind: 'library' | 'interpreter' | 'program' | 'root';
  /** As it is asked for: a name of a library, or a path. */
  readonly name: string;
  /** Absolute path. */
  readonly neededBy: string;
  /** Directories that were searched, in order; empty for a path. */
  readonly searched: readonly string[];
};

export type Closure = {
  /** Files and links, relative and clean, sorted: the roots' own, and all that they need to be started. */
  readonly paths: readonly string[];
  readonly missing: readonly Missing[];
};

/**
 * All that programs need to be started: interpreters, libraries, the libraries of these, and every link on the way, as the
 * dynamic loader of the programs would find them; of scripts the interpreter. Nothing is run, so that it works for any
 * processor. What a program opens by itself (`dlopen`, plug-ins, name services) cannot be seen.
 * Source: ld.so(8); ldso/dynlink.c of musl 1.2.
 * @throws LapidaryError ELF_INVALID for a damaged object
 */
export async function closureOf(filesystem: Filesystem, options: ClosureOptions): Promise<Closure> {
  const walk = new Walk(new ImageFiles(filesystem), options);
  for (const root of options.roots) await walk.root(root);
  return walk.result();
}

/** An object of a process, and who loaded it. */
type Loaded = { readonly found: Found; readonly object: ElfObject; readonly by: Loaded | undefined };

class Walk {
  readonly #files: ImageFiles;
  readonly #options: ClosureOptions;
  readonly #paths = new Set<string>();
  readonly #missing: Missing[] = [];
  /** Programs that were followed. */
  readonly #seen = new Set<string>();

  constructor(files: ImageFiles, options: ClosureOptions) {
    this.#files = files;
    this.#options = options;
  }

  result(): Closure {
    return { paths: [...this.#paths].sort(), missing: this.#missing };
  }

  async root(path: string): Promise<void> {
    const { path: at, node, links } = this.#files.tree.resolve(path);
    for (const link of links) this.#paths.add(link);
    if (node === undefined) {
      this.#missing.push({ kind: 'root', name: path, neededBy: path, searched: [] });
      return;
    }
    for (const below of this.#files.tree.walk(at)) {
      if (below.node.inode.type === 'file')
        await this.#program({ path: below.path, node: below.node.inode, links: [] });
      else if (below.node.inode.type === 'symlink') await this.#link(below.path);
      else if (below.node.children?.size === 0) this.#paths.add(below.path);
    }
  }

  /** A link among the files of a directory: what it leads to is needed where it is a program. */
  async #link(path: string): Promise<void> {
    this.#paths.add(path);
    const found = this.#files.find(`/${path}`);
    if (found !== undefined) await this.#program(found);
  }

  #add({ path, links }: Found): void {
    this.#paths.add(path);
    for (const link of links) this.#paths.add(link);
  }

  async #program(found: Found): Promise<void> {
    this.#add(found);
    if (this.#seen.has(found.path)) return;
    this.#seen.add(found.path);
    const object = await this.#files.object(found);
    if (object === undefined) return this.#script(found);
    if (object.interpreter !== undefined) await this.#path(object.interpreter, found);
    await this.#libraries({ found, object, by: undefined });
  }

  async #script(found: Found): Promise<void> {
    const shebang = await this.#files.shebang(found);
    if (shebang === undefined) return;
    await this.#path(shebang.interpreter, found);
    if (shebang.program === undefined) return;
    const { program } = shebang;
    const places = (this.#options.path ?? []).map((directory) => `${directory}/${program}`);
    const there = program.includes('/') ? program : places.find((place) => this.#files.find(place));
    if (there !== undefined) await this.#path(there, found);
    else
      this.#miss({
        kind: 'program',
        name: program,
        neededBy: found.path,
        searched: this.#options.path ?? [],
      });
  }

  /** A program that is named by its path. */
  async #path(path: string, by: Found): Promise<void> {
    const found = this.#files.find(path);
    if (found !== undefined) await this.#program(found);
    else this.#miss({ kind: 'interpreter', name: path, neededBy: by.path, searched: [] });
  }

  #miss({ name, neededBy, ...more }: Missing): void {
    const path = `/${neededBy}`;
    if (this.#missing.some((one) => one.name === name && one.neededBy === path)) return;
    this.#missing.push({ name, neededBy: path, ...more });
  }

  /** Breadth first, as they are loaded: a name that is loaded already is not searched for again. */
  async #libraries(program: Loaded): Promise<void> {
    const loader = this.#loaderOf(program);
    const loaded = new Set<string>();
    const queue = [program];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const name of next.object.dynamic?.needed ?? []) {
        if (loaded.has(name) || (loader === 'musl' && isMusl(name))) continue;
        loaded.add(name);
        const library = await this.#search(name, next, loader);
        if (library === undefined) continue;
        this.#add(library.found);
        const soname = library.object.dynamic?.soname;
        if (soname !== undefined) loaded.add(soname);
        queue.push(library);
      }
    }
  }

  /** Of a library that is no part of a program: by the loader that the image has. */
  #loaderOf({ object }: Loaded): Loader {
    if (object.interpreter !== undefined) return loaderOf(object);
    const names = [...(this.#files.tree.resolve('/lib').node?.children?.keys() ?? [])];
    const musl = names.some((name) => name.startsWith('ld-musl-'));
    const glibc = names.some((name) => name.startsWith('ld-linux'));
    return musl && !glibc ? 'musl' : 'glibc';
  }

  async #search(name: string, by: Loaded, loader: Loader): Promise<Loaded | undefined> {
    const directories = name.includes('/') ? [] : await this.#directories(by, loader);
    const places = name.includes('/') ? [this.#expand(name, by)] : directories.map((one) => `${one}/${name}`);
    for (const place of places) {
      const found = this.#files.find(place);
      const object = found && (await this.#files.object(found));
      // The loader passes over libraries of other processors
      if (found && object && sameTarget(object.target, by.object.target)) return { found, object, by };
    }
    this.#miss({ kind: 'library', name, neededBy: by.found.path, searched: directories });
    return undefined;
  }

  async #directories(by: Loaded, loader: Loader): Promise<string[]> {
    const { dynamic, target } = by.object;
    const own = loader === 'musl' ? muslPaths(by) : { before: glibcRpaths(by), after: runpaths(by) };
    const expand = ({ directory, of }: OwnDirectory): string => this.#expand(directory, of);
    const common =
      loader === 'glibc' && dynamic?.noDefaultLibraries
        ? []
        : await libraryDirectories(this.#files, loader, target);
    const libraryPath = this.#options.libraryPath ?? [];
    return [...new Set([...own.before.map(expand), ...libraryPath, ...own.after.map(expand), ...common])];
  }

  #expand(text: string, { found, object }: Loaded): string {
    return expandTokens(text, dirname(`/${found.path}`), object.target);
  }
}

/** A directory that an object names itself. */
type OwnDirectory = { readonly directory: string; readonly of: Loaded };

const runpaths = (of: Loaded): OwnDirectory[] =>
  (of.object.dynamic?.runpath ?? []).map((directory) => ({ directory, of }));

/** DT_RPATH of the object and of those that loaded it, but for objects with a DT_RUNPATH; none when it has one itself. */
function glibcRpaths(by: Loaded): OwnDirectory[] {
  const all: OwnDirectory[] = [];
  if ((by.object.dynamic?.runpath.length ?? 0) > 0) return all;
  for (let of: Loaded | undefined = by; of !== undefined; of = of.by) {
    const { rpath = [], runpath = [] } = of.object.dynamic ?? {};
    if (runpath.length === 0) for (const directory of rpath) all.push({ directory, of });
  }
  return all;
}

/** musl makes no difference between the two, and asks the loading objects too; LD_LIBRARY_PATH comes first. */
function muslPaths(by: Loaded): { readonly before: OwnDirectory[]; readonly after: OwnDirectory[] } {
  const after: OwnDirectory[] = [];
  for (let of: Loaded | undefined = by; of !== undefined; of = of.by) {
    const { rpath = [], runpath = [] } = of.object.dynamic ?? {};
    for (const directory of runpath.length > 0 ? runpath : rpath) after.push({ directory, of });
  }
  return { before: [], after };
}
