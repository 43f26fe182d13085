export { type Closure, type ClosureOptions, closureOf, type Missing } from './closure.ts';
export type { ByteSource } from './elf-object.ts';
export type { Filesystem } from './image-files.ts';
