export { captureEntries } from './capture.ts';
export { type Chmod, parseChmod } from './chmod.ts';
export { clampTimes } from './clamp-times.ts';
export type {
  ContentRef,
  DeviceNode,
  DirNode,
  Entry,
  FifoNode,
  FileNode,
  Inode,
  Layer,
  LayerId,
  Metadata,
  SymlinkNode,
} from './entry.ts';
export { extractInto } from './extract.ts';
export { sourcePaths } from './find-sources.ts';
export {
  encodeLayer,
  encodeTree,
  joinTable,
  type LayerTable,
  type TableParts,
  tabulate,
  treeTable,
} from './layer-table.ts';
export { makeDirectory } from './make-directory.ts';
export { nearestNames } from './nearest-names.ts';
export { compareEntries, sortEntries } from './order.ts';
export { type Accounts, type Credentials, type Owner, resolveChown, resolveOwner } from './owner.ts';
export { type PlaceOptions, placeSelection } from './place.ts';
export { decodeLayer, tableId } from './read-layer.ts';
export {
  filesOf,
  type PathTest,
  type SelectedItem,
  type Selection,
  selectSources,
  withFiles,
} from './selection.ts';
export { selectionDigest } from './selection-digest.ts';
export { eachStep, finish, mapSteps, type Steps, sliceSteps } from './steps.ts';
export { type PlaceContent, TarEntries } from './tar-entries.ts';
export { Tree, type TreeNode } from './tree.ts';
