/** As much of the first line as Linux looks at (BINPRM_BUF_SIZE). */
export const SHEBANG_BYTES = 256;

/** The programs that a script is run by: its interpreter, and what `env` is told to start. */
export type Shebang = { readonly interpreter: string; readonly program: string | undefined };

/**
 * The `#!` line of a script; `undefined` when it has none.
 * Source: execve(2), "Interpreter scripts"; `env -S` of coreutils.
 */
export function parseShebang(start: Uint8Array): Shebang | undefined {
  const text = Buffer.from(start.subarray(0, SHEBANG_BYTES)).toString('utf8');
  if (!text.startsWith('#!')) return undefined;
  const [line = ''] = text.slice(2).split('\n');
  // Of Windows' line ends the kernel makes a part of the name
  const [interpreter = '', ...words] = line.replace(/^[ \t]+|[ \t]+$/g, '').split(/[ \t]+/);
  if (interpreter === '' || interpreter.includes('\0')) return undefined;
  const isEnv = interpreter.slice(interpreter.lastIndexOf('/') + 1) === 'env';
  const program = isEnv ? words.find((word) => !word.startsWith('-') && !word.includes('=')) : undefined;
  return { interpreter, program };
}
