/** The names of a path: empty ones and `.` dropped, `..` kept. */
export function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** Below a directory given as a relative path; `''` is the root. */
export function joinPath(directory: string, name: string): string {
  if (directory === '') return name;
  return name === '' ? directory : `${directory}/${name}`;
}

/** A path as a person or a Dockerfile writes it, made relative and clean; `..` stops at the root. */
export function cleanPath(path: string): string {
  const out: string[] = [];
  for (const name of components(path)) {
    if (name === '..') out.pop();
    else out.push(name);
  }
  return out.join('/');
}

/** The paths of all directories above a path, the root (`''`) first, the path itself not among them. */
export function parentsOf(path: string): string[] {
  if (path === '') return [];
  const names = path.split('/');
  return names.map((_, depth) => names.slice(0, depth).join('/'));
}
