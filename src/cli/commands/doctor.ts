import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { oneOf } from '../one-of.ts';

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'Tell what this machine has and lacks for building',
  args: '',
  arity: [0, 0],
  options: [
    { flags: '--format FORMAT', help: 'json prints a JSON object; table is the default' },
    { flags: '--json', help: 'The same as --format json' },
  ],
  examples: [{ text: 'In a script', command: 'lapidary doctor || echo "RUN will not work here"' }],
  details: [
    'Commands are executed as root of this machine, in a user namespace, or not at all: the first line says which. `build` and `run` choose the same; --isolation forces one.',
    'The exit code is 1 when something that RUN needs is missing.',
  ],
  run: runDoctor,
};

const FORMATS = ['table', 'json'] as const;
const ISOLATIONS = {
  root: 'as root of this machine',
  'user-namespace': 'in a user namespace',
  none: 'not possible as things are; builds without it are',
} as const;

async function runDoctor(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ probeMachine }, { alignColumns }, { registries, searchPath, storeRoot }] = await Promise.all([
    import('../../build/index.ts'),
    import('../table.ts'),
    import('../machine-paths.ts'),
  ]);
  const json = flags.on('json') || oneOf('--format', flags.text('format') ?? 'table', FORMATS) === 'json';
  const report = await probeMachine({
    ...searchPath(call),
    ...registries(call),
    store: await storeRoot(call),
  });
  const code = report.canRun ? EXIT.ok : EXIT.failed;
  if (json) {
    const { formatJson } = await import('../json.ts');
    io.stdout.write(formatJson(report));
    return code;
  }
  const rows = report.checks.map(({ name, status, detail, need }) => [name, status, need, detail]);
  io.stdout.write(`RUN: ${ISOLATIONS[report.isolation]}\n\n`);
  io.stdout.write(alignColumns([['CHECK', 'STATUS', 'NEEDED FOR', 'DETAIL'], ...rows]));
  const fixes = report.checks.flatMap(({ name, fix }) => (fix === undefined ? [] : [`  ${name}: ${fix}\n`]));
  if (fixes.length > 0) io.stdout.write(`\nTo get what is missing:\n${printable(fixes.join(''))}`);
  return code;
}
