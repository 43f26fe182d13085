/** Three numbers; what comes behind them (a pre-release) is kept apart. */
type Version = { readonly numbers: readonly [number, number, number]; readonly pre: boolean };

const VERSION = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.\d+)*([-+][\w.+-]*)?$/;

function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text.trim());
  if (match === null) return undefined;
  const [major = 0, minor = 0, patch = 0] = match.slice(1, 4).map((one) => Number(one ?? 0));
  return { numbers: [major, minor, patch], pre: match[4] !== undefined };
}

function compare(a: Version, b: Version): number {
  for (const [index, one] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0;
    if (one !== other) return one - other;
  }
  return Number(b.pre) - Number(a.pre);
}

/** Which versions a part such as `>= 1.0` lets pass; `undefined` when it is not understood. */
type Test = (version: Version) => boolean;

/**
 * The range of a dependency or of `crystal`, as shards reads it: `>= 1.0, < 2.0`, `~> 1.4`, `1.14.0`, `*`.
 * @returns `undefined` when it is not understood
 * @see https://github.com/crystal-lang/shards/blob/master/docs/shard.yml.adoc (version requirements, crystal)
 */
export function parseRange(text: string): ((version: string) => boolean) | undefined {
  const tests: Test[] = [];
  for (const part of text.split(',')) {
    const test = partTest(part.trim());
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return (version) => {
    const parsed = parseVersion(version);
    return parsed !== undefined && tests.every((test) => test(parsed));
  };
}

function partTest(part: string): Test | undefined {
  if (part === '*' || part === '') return () => true;
  const match = /^(>=|<=|!=|>|<|=|~>)?\s*(\S+)$/.exec(part);
  const wanted = match?.[2] === undefined ? undefined : parseVersion(match[2]);
  if (match === null || wanted === undefined) return undefined;
  return operatorTest(match[1], wanted, match[2] ?? '');
}

function operatorTest(operator: string | undefined, wanted: Version, text: string): Test {
  const [first] = wanted.numbers;
  switch (operator) {
    // Of the compiler, as shards has it: this one or a later one that is compatible
    case undefined:
      return (version) => compare(version, wanted) >= 0 && (first === 0 || version.numbers[0] === first);
    case '>=':
      return (version) => compare(version, wanted) >= 0;
    case '<=':
      return (version) => compare(version, wanted) <= 0;
    case '>':
      return (version) => compare(version, wanted) > 0;
    case '<':
      return (version) => compare(version, wanted) < 0;
    case '!=':
      return (version) => compare(version, wanted) !== 0;
    case '~>': {
      const [major, minor] = wanted.numbers;
      const next: Version['numbers'] = text.split('.').length > 2 ? [major, minor + 1, 0] : [major + 1, 0, 0];
      return (version) => compare(version, wanted) >= 0 && compare(version, { numbers: next, pre: true }) < 0;
    }
    default:
      return (version) => compare(version, wanted) === 0;
  }
}
