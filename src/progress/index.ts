import { PlainRenderer } from './plain.ts';
import { QuietRenderer } from './quiet.ts';
import { RawJsonRenderer } from './raw-json.ts';
import { TtyRenderer } from './tty.ts';
import type { Renderer, RendererOptions } from './types.ts';

export { shortId } from './describe.ts';
export { humanSize, seconds } from './text.ts';
export type { Clock, ProgressMode, Renderer, RendererOptions, Writer } from './types.ts';

/** `auto` is the live view on a terminal, else plain lines; `tty` falls back to plain lines as well. */
export function createRenderer({ mode, writer, clock, color }: RendererOptions): Renderer {
  switch (mode) {
    case 'rawjson':
      return new RawJsonRenderer(writer, clock);
    case 'quiet':
      return new QuietRenderer(writer, clock);
    case 'plain':
      return new PlainRenderer(writer, clock);
    case 'auto':
    case 'tty':
      return writer.isTTY ? new TtyRenderer({ writer, clock, color }) : new PlainRenderer(writer, clock);
  }
}
