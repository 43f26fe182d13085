import { LapidaryError, quoted } from '../errors/index.ts';
import { createRenderer, type ProgressMode, type Renderer } from '../progress/index.ts';
import type { Io } from './io.ts';

const MODES: readonly ProgressMode[] = ['auto', 'plain', 'tty', 'quiet', 'rawjson'];

/** @throws LapidaryError USAGE */
export function readProgressMode(text = 'auto'): ProgressMode {
  const mode = MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw new LapidaryError('USAGE', `--progress has no mode ${quoted(text)}`, {
    hint: `expected ${MODES.join(', ')}`,
  });
}

/** Draws on standard error while `work` runs; the terminal is restored however it ends. */
export async function withProgress<T>(
  mode: ProgressMode,
  io: Io,
  work: (onEvent: Renderer['onEvent']) => Promise<T>,
): Promise<T> {
  const { stderr } = io;
  const renderer = createRenderer(mode, {
    write: (text) => void stderr.write(text),
    columns: () => stderr.columns ?? 80,
    rows: () => stderr.rows ?? 24,
    isTTY: stderr.isTTY === true && io.env['TERM'] !== 'dumb',
    now: () => performance.now(),
  });
  const forget = io.atExit(renderer.close);
  try {
    return await work(renderer.onEvent);
  } finally {
    renderer.close();
    forget();
  }
}
