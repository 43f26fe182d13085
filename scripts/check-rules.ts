import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cruise, type IConfiguration, type ICruiseResult } from 'dependency-cruiser';

const ROOT = join(import.meta.dirname, '..');
process.chdir(ROOT);

const { default: configuration } = (await import(pathToFileURL('.dependency-cruiser.mjs').href)) as {
  readonly default: IConfiguration;
};

/** What only the command line may touch: a library neither reads the environment, nor prints, nor ends a process. */
const AMBIENT = /(?<![\w.#])(?:process\.(?:env|exit)\b|console\.\w+)/;

const sources = globSync('src/**/*.ts').sort();
const findings = [...(await brokenRules(sources.length)), ...(await ambientUses(sources))];
for (const finding of findings) console.error(finding);
console.log(`${sources.length} modules, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** One line each. A cruise that silently saw fewer modules than there are files proves nothing and is a finding too. */
async function brokenRules(expected: number): Promise<string[]> {
  const { forbidden = [], options = {} } = configuration;
  const { output } = await cruise(['src'], { ...options, ruleSet: { forbidden }, validate: true });
  const { modules, summary } = output as ICruiseResult;
  const seen = modules.filter(({ source }) => source.startsWith('src/')).length;
  const lines = summary.violations.map(({ rule, from, to }) => `${from} -> ${to}: ${reason(rule.name)}`);
  if (seen !== expected)
    lines.push(`${seen} modules were looked at, but src/ has ${expected} TypeScript files`);
  return lines;
}

function reason(name: string): string {
  const rule = configuration.forbidden?.find((one) => one.name === name);
  return `${rule?.comment ?? ''} (${name})`;
}

async function ambientUses(paths: readonly string[]): Promise<string[]> {
  const library = paths.filter((path) => !path.startsWith('src/cli/') && !path.endsWith('.test.ts'));
  const found = await Promise.all(
    library.map(async (path) => {
      const lines = withoutComments(await readFile(path, 'utf8')).split('\n');
      return lines.flatMap((line, index) => {
        const use = AMBIENT.exec(line)?.[0];
        return use === undefined ? [] : [`${path}:${index + 1}: ${use} belongs to src/cli`];
      });
    }),
  );
  return found.flat();
}

/** Comments become blank, lines stay where they are. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}
