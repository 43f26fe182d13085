import { frameLines, linesOf, printable } from '../errors/index.ts';
import type { BuildEvent, StepInfo } from '../solve/index.ts';
import { cleanLine, formatElapsed, formatSize } from './text.ts';

type Of<T extends BuildEvent['type']> = Extract<BuildEvent, { readonly type: T }>;

/** Longer instructions are scripts: their first commands tell which one it is. */
const MAX_TITLE = 250;

/** `[linux/arm64 build 2/4] RUN shards install`; stages without a name are `stage-0`, as in BuildKit. */
export function stepTitle({ stage, position, of, title, platform }: StepInfo): string {
  const prefix = platform === undefined ? '' : `${cleanLine(platform)} `;
  return `[${prefix}${/^\d+$/.test(stage) ? `stage-${stage}` : cleanLine(stage)} ${position}/${of}] ${shortened(cleanLine(title).replace(/ {2,}/g, ' '))}`;
}

const shortened = (text: string): string => (text.length > MAX_TITLE ? `${text.slice(0, MAX_TITLE)}…` : text);

/** A warning with its code frame, as lines. */
export function warningLines({ message, at, hint }: Of<'warning'>): string[] {
  return [
    `warning: ${printable(message)}`,
    ...(at === undefined ? [] : frameLines(at)),
    ...(hint === undefined ? [] : [`  = hint: ${printable(hint)}`]),
  ];
}

export function imageLine({ reference, platform, from, id }: Of<'image'>): string {
  const which = platform === undefined ? '' : ` ${cleanLine(platform)}`;
  return `[image] ${cleanLine(reference)}${which} from ${cleanLine(from)}: ${cleanLine(id)}`;
}

export function phaseLine({ name, detail }: Of<'phase'>): string {
  return detail === undefined ? cleanLine(name) : `[${cleanLine(name)}] ${cleanLine(detail)}`;
}

export function taggedLine({ reference, platform, id }: Of<'tagged'>): string {
  const which = platform === undefined ? '' : ` ${cleanLine(platform)}`;
  return `[tag] ${cleanLine(reference)}${which}: ${cleanLine(id)}`;
}

/** `[pull] 1f2e3d4c5b6a 12.3MB docker.io/library/alpine`. */
export function transferTitle({ action, digest, size, place }: Of<'transfer-start'>): string {
  const name = digest === undefined ? 'new layer' : digest.slice('sha256:'.length, 'sha256:'.length + 12);
  const amount = size === undefined ? [] : [formatSize(size)];
  return `[${action}] ${[cleanLine(name), ...amount, cleanLine(place)].join(' ')}`;
}

/** What became of a transfer, in one word and what it took. */
export function transferEnd({ result, bytes, ms }: Of<'transfer-end'>): string {
  switch (result) {
    case 'done':
      return `DONE ${formatElapsed(ms)}, ${formatSize(bytes)}`;
    case 'exists':
      return 'EXISTS';
    case 'mounted':
      return 'MOUNTED';
    case 'failed':
      return `ERROR after ${formatElapsed(ms)}`;
  }
}

/** Said of a step as soon as it is known. */
export function emulatedLine({ platform, emulator }: Of<'step-emulated'>): string {
  return `emulated: programs of ${cleanLine(platform)} are run by ${cleanLine(emulator)}`;
}

/** What emulation took, and how it can be avoided, as lines. */
export function emulationLines({ stage, platform, steps, ms, hint }: Of<'emulation'>): string[] {
  const name = /^\d+$/.test(stage) ? `stage-${stage}` : cleanLine(stage);
  const count = steps === 1 ? '1 step' : `${steps} steps`;
  return [
    `[emulated] ${cleanLine(platform)} ${name}: ${count}, ${formatElapsed(ms)}`,
    ...(hint === undefined ? [] : [`  = hint: ${printable(hint)}`]),
  ];
}

/** What a registry makes us wait for, or what else is told in one line. */
export function noteLine(event: Of<'waiting' | 'quota' | 'notice' | 'base-fetched' | 'pushed'>): string {
  switch (event.type) {
    case 'waiting':
      return `waiting ${formatElapsed(event.delayMs)} for ${cleanLine(event.host)}: ${cleanLine(event.what)}: ${cleanLine(event.reason)}`;
    case 'quota':
      return `${cleanLine(event.host)} allows ${event.remaining} of ${event.limit} more pulls`;
    case 'notice':
      return cleanLine(event.message);
    case 'base-fetched': {
      const { start } = linesOf(event.at);
      const where = `${cleanLine(event.at.source.name)}:${start}`;
      return `[base] ${formatSize(event.bytes)} are fetched to know what ${where} copies onto; with --link they would not be`;
    }
    case 'pushed':
      return `[pushed] ${cleanLine(event.reference)}: ${cleanLine(event.digest)}`;
  }
}
