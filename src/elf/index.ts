export { type Closure, type ClosureOptions, closureOf, type Missing } from './closure.ts';
export type { ByteSource, ElfObject } from './elf-object.ts';
export { type Filesystem, type Found, ImageFiles } from './image-files.ts';
export { architectureOf, loaderOf } from './loader.ts';
export { SHEBANG_BYTES } from './shebang.ts';
