export { importRootfsTar, type RootfsImport } from './archive-rootfs.ts';
export { bootstrapDebian, type DebianBootstrap } from './debian-bootstrap.ts';
export {
  type ContextRules,
  type DirectoryContextOptions,
  openDirectoryContext,
} from './directory-context.ts';
export { type GitEnvironment } from './git-command.ts';
export { GitSource, type GitSourceParts } from './git-source.ts';
export { HttpSource, type HttpSourceParts } from './http-source.ts';
export { type ImageArchive, importImages, openImageArchive } from './image-archive.ts';
export type { ImportPorts } from './image-archive-layers.ts';
export type { ImportedImage, ImportOptions } from './image-archive-types.ts';
export { type LayoutSource, openLayoutSource } from './layout-source.ts';
export { secretContents } from './secret-contents.ts';
export { type ArchiveOrText, readArchiveOrText } from './stream-context.ts';
export { openTreeContext } from './tree-context.ts';
