import { frameLines, printable } from '../errors/index.ts';
import type { BuildEvent, StepInfo } from '../solve/index.ts';
import { cleanLine } from './text.ts';

type Of<T extends BuildEvent['type']> = Extract<BuildEvent, { readonly type: T }>;

/** `[build 2/4] RUN shards install`; stages without a name are `stage-0`, as in BuildKit. */
export function stepTitle({ stage, position, of, title }: StepInfo): string {
  return `[${/^\d+$/.test(stage) ? `stage-${stage}` : cleanLine(stage)} ${position}/${of}] ${cleanLine(title)}`;
}

/** A warning with its code frame, as lines. */
export function warningLines({ message, at, hint }: Of<'warning'>): string[] {
  return [
    `warning: ${printable(message)}`,
    ...(at === undefined ? [] : frameLines(at)),
    ...(hint === undefined ? [] : [`  = hint: ${printable(hint)}`]),
  ];
}

export function imageLine({ reference, from, id }: Of<'image'>): string {
  return `[image] ${cleanLine(reference)} from ${cleanLine(from)}: ${cleanLine(id)}`;
}

export function phaseLine({ name, detail }: Of<'phase'>): string {
  return detail === undefined ? cleanLine(name) : `[${cleanLine(name)}] ${cleanLine(detail)}`;
}

export function taggedLine({ reference, id }: Of<'tagged'>): string {
  return `[tag] ${cleanLine(reference)}: ${cleanLine(id)}`;
}
