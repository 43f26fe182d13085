import { PlainRenderer } from './plain.ts';
import { RawJsonRenderer } from './raw-json.ts';
import { TtyRenderer } from './tty.ts';
import type { ProgressMode, Renderer, Screen } from './types.ts';

/** A renderer for a mode. `auto` is `tty` on a terminal; `tty` elsewhere falls back to `plain`. */
export function createRenderer(mode: ProgressMode, screen: Screen): Renderer {
  switch (mode) {
    case 'quiet':
      return { onEvent: () => undefined, close: () => undefined };
    case 'rawjson':
      return new RawJsonRenderer(screen);
    case 'plain':
      return new PlainRenderer(screen);
    case 'auto':
    case 'tty':
      return screen.isTTY ? new TtyRenderer(screen) : new PlainRenderer(screen);
  }
}
