import { LapidaryError, quoted } from '../errors/index.ts';

const KEPT_LINES = 10;
const MAX_LINE = 2000;

/** Cuts what mmdebstrap and apt say into lines, without blank ones and without passwords, and keeps the last. */
export class CleanLines {
  readonly #onLine: (line: string) => void;
  readonly last: string[] = [];
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]/);
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#take(line);
  }

  /** The last line, when no newline ends it. */
  end(): void {
    this.#take(this.#rest);
    this.#rest = '';
  }

  #take(text: string): void {
    const line = text
      .slice(0, MAX_LINE)
      .replace(/:\/\/[^/\s@]*@/g, '://')
      .trimEnd();
    if (line.trim() === '') return;
    this.last.push(line);
    if (this.last.length > KEPT_LINES) this.last.shift();
    this.#onLine(line);
  }
}

/** Known ways to fail, by what apt says of them; the first that matches counts. */
const FAILURES: readonly { readonly sign: RegExp; readonly message: string; readonly hint: string }[] = [
  {
    sign: /Release file .* is expired|Release file .* expired since/,
    message: 'has expired: its Release file is no longer valid',
    hint: 'is this a frozen snapshot? then accept it with --allow-expired',
  },
  {
    sign: /NO_PUBKEY|signatures couldn't be verified|is not signed|BADSIG|EXPKEYSIG|no keyring file for the suite/,
    message: 'is not signed by a key of this machine',
    hint: 'update the keys: apt-get install debian-archive-keyring',
  },
  {
    sign: /Unable to locate package|has no installation candidate|Couldn't find any package/,
    message: 'lacks a package that --include names',
    hint: 'check the names given to --include',
  },
  {
    sign: /Could not resolve|Could not connect|Temporary failure resolving|Unable to connect|Connection (?:refused|failed|timed out)/,
    message: 'cannot be reached',
    hint: 'check the network, or give another archive with --mirror',
  },
  {
    sign: /does not have a Release file|404 {2}Not Found/,
    message: 'was not found',
    hint: 'check the name of the suite, or give another archive with --mirror',
  },
];

/** What a failed bootstrap is told as: `lines` are the program's last. */
export function bootstrapError(suite: string, lines: readonly string[]): LapidaryError {
  const known = FAILURES.find(({ sign }) => lines.some((line) => sign.test(line)));
  const message = `Debian ${quoted(suite)} ${known?.message ?? 'could not be installed'}`;
  const hint = known?.hint ?? 'the lines above are the last of what mmdebstrap said';
  return new LapidaryError('BOOTSTRAP_FAILED', message, { hint, notes: lines });
}
