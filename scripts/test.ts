import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..');

const { values } = parseArgs({ options: { examples: { type: 'boolean', default: false } } });

type Count = { readonly passed: number; readonly failed: number; readonly skipped: number };
type Outcome = { readonly code: number; readonly output: string };

/** Checks that pass or fail as a whole, in the order that finds cheap mistakes first. */
const CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'format', command: ['biome', 'check', '.'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'dependency rules', command: ['node', 'scripts/check-rules.ts'] },
  { name: 'dead code', command: ['knip'] },
  { name: 'error docs', command: ['node', 'scripts/write-error-docs.ts', '--check'] },
  { name: 'check docs', command: ['node', 'scripts/write-check-docs.ts', '--check'] },
  ...(existsSync(join(ROOT, 'scripts/write-cli-docs.ts'))
    ? [{ name: 'command line docs', command: ['node', 'scripts/write-cli-docs.ts', '--check'] }]
    : []),
  { name: 'build', command: ['node', 'scripts/build.ts'] },
];

/**
 * Tests of what executes commands: once more as an ordinary user, in a user namespace. Not among them: `rootless` and
 * `build`, of which root starts the builds of others, by the same script and by a change of user.
 */
const AS_USER = [
  'build',
  'doctor',
  'emulate-command',
  'emulation',
  'escape',
  'full-disk',
  'image-tests',
  'kill',
  'left-behind',
  'platforms',
  'run',
  'run-mounts',
  'run-secrets',
  'sandbox',
  'sandbox-life',
  'settings',
  'step-user',
].map((name) => `test/integration/${name}.test.ts`);

/** For a user who cannot write into the checkout, as vitest does to load its configuration and to keep modules. */
const UNWRITABLE = ['--configLoader', 'native', '--fsModuleCache=false'];

type Suite = { readonly name: string; readonly project: string; readonly files?: readonly string[] };

const SUITES: readonly Suite[] = [
  { name: 'unit tests', project: 'unit' },
  { name: 'integration tests', project: 'integration' },
  // Without root they were run like that already
  ...(process.getuid?.() === 0
    ? [{ name: 'integration tests as an ordinary user', project: 'integration', files: AS_USER }]
    : []),
  ...(values.examples ? [{ name: 'tests of examples', project: 'examples' }] : []),
];

let started = performance.now();
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { name, command } of CHECKS) {
  const { code, output } = await run(command);
  tell(
    name,
    code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 },
    output,
  );
}
const reports = await mkdtemp(join(tmpdir(), 'lapidary-reports-'));
// The ordinary user writes there, too
await chmod(reports, 0o777);
for (const [i, { name, project, files }] of SUITES.entries()) {
  const report = join(reports, `${i}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = ['vitest', 'run', '--project', project, ...reporters];
  const asUser = ['sh', 'scripts/as-user.sh', ...vitest, ...UNWRITABLE, ...(files ?? [])];
  const outcome = await run(files === undefined ? vitest : asUser);
  tell(name, await countOf(report, outcome), outcome.output);
}
await rm(reports, { recursive: true });
process.exitCode = total.failed + total.skipped === 0 ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** One line for what went well; all that a program said for what did not. */
function tell(name: string, { passed, failed, skipped }: Count, output: string): void {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const bad = failed + skipped > 0;
  if (bad) process.stdout.write(`${output.trimEnd()}\n`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const numbers = passed + failed + skipped > 1 ? `, ${passed} passed` : '';
  const trouble = [failed > 0 ? `, ${failed} failed` : '', skipped > 0 ? `, ${skipped} skipped` : ''].join(
    '',
  );
  console.log(`${bad ? 'FAILED' : 'ok    '}  ${name} (${seconds} s${numbers}${trouble})`);
}

/** Numbers of single tests. What failed outside of any test, such as a file that does not load, is one failure more. */
async function countOf(report: string, { code }: Outcome): Promise<Count> {
  const text = await readFile(report, 'utf8').catch(() => '{}');
  const {
    numPassedTests = 0,
    numFailedTests = 0,
    numPendingTests = 0,
    numTodoTests = 0,
  } = JSON.parse(text) as {
    readonly numPassedTests?: number;
    readonly numFailedTests?: number;
    readonly numPendingTests?: number;
    readonly numTodoTests?: number;
  };
  const elsewhere = code !== 0 && numFailedTests === 0 ? 1 : 0;
  const nothing = code === 0 && numPassedTests === 0 ? 1 : 0;
  return {
    passed: numPassedTests,
    failed: numFailedTests + elsewhere + nothing,
    skipped: numPendingTests + numTodoTests,
  };
}

/** Runs a program of node_modules/.bin, or of the machine, with its output kept for later. */
function run([program = '', ...args]: readonly string[]): Promise<Outcome> {
  started = performance.now();
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 127, output: `${program}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
