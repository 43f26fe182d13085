import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import { parsePlatform } from '../oci/index.ts';
import type { OptionSpec } from './command.ts';

export const EMULATOR_OPTION: OptionSpec = {
  flags: '--emulator ARCH=PATH',
  help: 'Static QEMU user emulator for programs of an architecture (default: qemu-NAME-static, or a static qemu-NAME, in $PATH)',
  repeat: true,
};

/** The values of `--emulator`. @throws LapidaryError USAGE, PLATFORM_INVALID */
export function readEmulators(
  values: readonly string[],
  cwd: string,
): { readonly emulators?: Readonly<Record<string, string>> } {
  if (values.length === 0) return {};
  return { emulators: Object.fromEntries(values.map((text) => readEmulator(text, cwd))) };
}

function readEmulator(text: string, cwd: string): [string, string] {
  const equals = text.indexOf('=');
  const hint = 'expected ARCH=PATH, such as arm64=/opt/qemu-aarch64-static';
  if (equals <= 0 || equals === text.length - 1) {
    throw new LapidaryError('USAGE', `--emulator is not understood: ${quoted(text)}`, { hint });
  }
  const { architecture } = parsePlatform(text.slice(0, equals));
  const path = resolve(cwd, text.slice(equals + 1));
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new LapidaryError('USAGE', `--emulator: ${quoted(path)} is no program`, { hint, cause });
  }
  return [architecture, path];
}
