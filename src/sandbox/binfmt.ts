import { readdirSync, readFileSync } from 'node:fs';
import { type ElfArchitecture, elfMagic } from './elf-architectures.ts';

/** Where the kernel shows what is registered. Documentation/admin-guide/binfmt-misc.rst */
export const BINFMT_DIRECTORY = '/proc/sys/fs/binfmt_misc';

/** Longest line that the kernel takes (fs/binfmt_misc.c, MAX_REGISTER_LENGTH). */
const MAX_LINE = 1920;

/** A file of an instance of binfmt_misc. */
export type Registration = { readonly name: string; readonly text: string };

/** What this process's instance has; nothing when it is not mounted. */
export function visibleRegistrations(): Registration[] {
  try {
    return readdirSync(BINFMT_DIRECTORY)
      .filter((name) => name !== 'register' && name !== 'status')
      .map((name) => ({ name, text: readFileSync(`${BINFMT_DIRECTORY}/${name}`, 'utf8') }));
  } catch {
    return [];
  }
}

/**
 * The line that registers an emulator. F: it is opened now, so that it is there for processes that cannot see it. P and
 * C: programs are started under their own name, and with the rights of their file, as without an emulator.
 */
export function registerLine(architecture: ElfArchitecture, path: string): string {
  const { magic, mask } = elfMagic(architecture);
  return `:qemu-${architecture.qemu}:M::${escaped(magic)}:${escaped(mask)}:${path}:POCF`;
}

/** The line that registers again what a file of an instance shows; `undefined` for what is switched off or not understood. */
export function carriedLine({ name, text }: Registration): string | undefined {
  const field = (key: string): string | undefined => new RegExp(`^${key}:? ?(.*)$`, 'm').exec(text)?.[1];
  const [interpreter, flags = '', extension, magic] = ['interpreter', 'flags', 'extension', 'magic'].map(
    field,
  );
  if (!/^enabled$/m.test(text) || interpreter === undefined) return undefined;
  const mask = field('mask') ?? '';
  const pattern =
    extension === undefined
      ? magic === undefined
        ? undefined
        : `M:${field('offset') ?? '0'}:${escaped(Buffer.from(magic, 'hex'))}:${escaped(Buffer.from(mask, 'hex'))}`
      : `E::${extension.replace(/^\./, '')}:`;
  if (pattern === undefined) return undefined;
  // D is shown by some kernels and taken by none
  const line = `:${name}:${pattern}:${interpreter}:${flags.replaceAll(/[^POCF]/g, '')}`;
  return line.length <= MAX_LINE ? line : undefined;
}

/** What handles the programs of an architecture, by its interpreter. */
export function interpreterFor(
  registrations: readonly Registration[],
  architecture: ElfArchitecture,
): string | undefined {
  const { magic, mask } = elfMagic(architecture);
  const found = registrations.find(({ text }) => {
    const known = Buffer.from(/^magic ([0-9a-f]+)$/m.exec(text)?.[1] ?? '', 'hex');
    return (
      known.length === magic.length &&
      magic.every((byte, i) => ((byte ^ (known[i] ?? 0)) & (mask[i] ?? 0)) === 0)
    );
  });
  return found && /^interpreter (.*)$/m.exec(found.text)?.[1];
}

const escaped = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
