import type { OptionSpec } from './command.ts';

/** Flags that every command has. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--store DIR',
    help: 'Where images and the cache are kept (default: $LAPIDARY_STORE, else a place of the user)',
  },
  { flags: '--verbose', help: 'Print the causes of errors too' },
  { flags: '-h, --help', help: 'Print this help' },
];
