import { frameLines, printable } from '../errors/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { humanSize, oneLine, seconds } from './text.ts';

/** Events that are not about a step. */
export type NoteEvent = Extract<
  BuildEvent,
  { type: 'phase' | 'image' | 'stage-skipped' | 'export-start' | 'export-end' | 'tagged' }
>;

/** One line for an event, without number or mark; safe to print. */
export function describe(event: NoteEvent): string {
  switch (event.type) {
    case 'phase':
      return oneLine(event.detail === undefined ? event.name : `${event.name}: ${event.detail}`);
    case 'image':
      return oneLine(`image ${event.reference} from ${event.from}, ${shortId(event.id)}`);
    case 'stage-skipped':
      return oneLine(`stage ${event.stage} skipped: the result does not need it`);
    case 'export-start':
      return oneLine(`exporting ${event.output}`);
    case 'export-end':
      return oneLine(`exported ${event.output}, ${humanSize(event.size)}, ${seconds(event.ms)}`);
    case 'tagged':
      return oneLine(`tagged ${event.reference}, ${shortId(event.id)}`);
  }
}

/** A warning with its place and hint, one line each; safe to print. */
export function warningLines(event: Extract<BuildEvent, { type: 'warning' }>): string[] {
  return [
    `warning: ${printable(event.message)}`,
    ...(event.at === undefined ? [] : frameLines(event.at)),
    ...(event.hint === undefined ? [] : [`  hint: ${printable(event.hint)}`]),
  ];
}

/** The first twelve digits of a digest; other text as it is. */
export function shortId(id: string): string {
  return /^sha256:[0-9a-f]{64}$/.test(id) ? id.slice(7, 19) : id;
}
