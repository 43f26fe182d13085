import type { HostPath } from '../host/index.ts';
import { encodePathText } from '../tar/index.ts';

/** What to hand to the system for a path text (see `encodePathText`). */
export function hostPath(text: string): HostPath {
  return text.isWellFormed() ? text : Buffer.from(encodePathText(text));
}

/** `directory/path` as a path text; the directory itself for the empty path. */
export function below(directory: string, path: string): string {
  return path === '' ? directory : `${directory}/${path}`;
}

/** The directory that holds `path`, as a path text; `''` for what stands in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Last component of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Every directory above `path`, root first: `'a/b/c'` gives `''`, `'a'`, `'a/b'`. Nothing for the root. */
export function ancestorsOf(path: string): string[] {
  if (path === '') return [];
  const ancestors = [''];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    ancestors.push(path.slice(0, at));
  }
  return ancestors;
}
