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
