import type { Edit } from './rule.ts';

/** Text with the edits made. Of two that overlap the later is left out: another round may find it again. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const inOrder = edits.toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
  const out: string[] = [];
  let at = 0;
  for (const { span, text: replacement } of inOrder) {
    if (span.start < at) continue;
    out.push(text.slice(at, span.start), replacement);
    at = span.end;
  }
  return [...out, text.slice(at)].join('');
}
