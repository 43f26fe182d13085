/** How a word stands in a command of a shell: as it is where that is safe, else in single quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A RUN of several commands, each of which has to succeed: one per line. */
export function runLines(commands: readonly string[], flags: readonly string[] = []): string {
  return `RUN ${[...flags.map((flag) => `${flag} \\\n    `), commands.join(' \\\n && ')].join('')}`;
}

/** A RUN whose script has loops and branches: lines are joined as they are, so each ends like one of a shell. */
export function runScript(lines: readonly string[], flags: readonly string[] = []): string {
  return `RUN ${[...flags.map((flag) => `${flag} \\\n    `), lines.join(' \\\n    ')].join('')}`;
}

/** A value of LABEL or ENV that means itself: no variables, no escapes. One line. */
export function dockerWord(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return `"${line.replace(/["\\$]/g, (char) => `\\${char}`)}"`;
}
