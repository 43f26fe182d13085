/**
 * What `apt-get install` needs to say. The lists are fetched each time, so that a step can be executed long after the
 * one before it.
 */
export function installCommands(
  packages: readonly string[],
  {
    allowExpired = false,
    before = [],
  }: { readonly allowExpired?: boolean; readonly before?: readonly string[] },
): string[] {
  const update = allowExpired ? '-o Acquire::Check-Valid-Until=false update' : 'update';
  const names = [...new Set(packages)].sort();
  return [
    ...before,
    `apt-get ${update}`,
    `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${wrapped(names)}`,
    'rm -rf /var/lib/apt/lists/*',
  ];
}

const WIDTH = 100;

/** Names over several lines, as people write them. */
function wrapped(names: readonly string[]): string {
  const lines: string[] = [''];
  for (const name of names) {
    const last = lines.at(-1) ?? '';
    if (last.length + name.length > WIDTH) lines.push(name);
    else lines[lines.length - 1] = last === '' ? name : `${last} ${name}`;
  }
  return lines.map((line) => `\\\n      ${line}`).join(' ');
}
