import { LapidaryError, quoted } from '../errors/index.ts';
import type { PreflightFinding } from './finding.ts';
import type { Scene } from './scene.ts';

/**
 * A working directory that cannot be used. One that is missing is made by the runtime, as root's, and one that the user
 * may not enter is entered before the runtime becomes that user: neither is wrong.
 */
export function workdirFindings({ config, filesystem: { tree } }: Scene): PreflightFinding[] {
  const path = config.WorkingDir || '/';
  const finding = (message: string, hint?: string): PreflightFinding[] => [
    {
      rule: 'WorkdirNotUsable',
      setting: 'WorkingDir',
      message: `WORKDIR ${quoted(path)} ${message}`,
      ...(hint === undefined ? {} : { hint }),
    },
  ];
  if (!path.startsWith('/')) return finding('is not absolute', 'begin it with a slash');
  try {
    const inode = tree.resolve(path).node?.inode;
    return inode === undefined || inode.type === 'dir' ? [] : finding('is not a directory in the image');
  } catch (error) {
    if (error instanceof LapidaryError) return finding(`cannot be entered: ${error.message}`);
    throw error;
  }
}
