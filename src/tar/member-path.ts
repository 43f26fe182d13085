import { LapidaryError, quoted } from '../errors/index.ts';

/**
 * A member's path (or the target of a hard link) as a path of the tree: relative, no empty or `.` component, no slash
 * at the end; `''` is the root itself. `/etc//x/`, `./etc/x` and `etc/x` are the same.
 *
 * @throws LapidaryError TAR_INVALID when a component is `..`
 */
export function cleanMemberPath(path: string): string {
  const end = path.length > 1 && path.charCodeAt(path.length - 1) === 0x2f ? path.length - 1 : path.length;
  const start = path.startsWith('./') ? 2 : 0;
  if (isClean(path, start, end)) return path.slice(start, end);
  const components: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..') {
      const hint = 'the archive tries to reach outside of its root; do not trust it';
      throw new LapidaryError('TAR_INVALID', `tar member ${quoted(path)} has a .. in its path`, { hint });
    }
    if (component !== '' && component !== '.') components.push(component);
  }
  return components.join('/');
}

/** Whether no component of `path[start..end)` is empty or begins with a dot that could be `.` or `..`. */
function isClean(path: string, start: number, end: number): boolean {
  let before = 0x2f;
  for (let at = start; at < end; at++) {
    const unit = path.charCodeAt(at);
    if (before === 0x2f) {
      if (unit === 0x2f) return false;
      if (unit === 0x2e && startsWithDots(path, at, end)) return false;
    }
    before = unit;
  }
  return before !== 0x2f;
}

/** Whether the component at `at` is `.` or `..`. */
function startsWithDots(path: string, at: number, end: number): boolean {
  const next = path.charCodeAt(at + 1) === 0x2e ? at + 2 : at + 1;
  return next >= end || path.charCodeAt(next) === 0x2f;
}
