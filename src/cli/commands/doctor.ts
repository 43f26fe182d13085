import { EXIT, printable } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'Tell what this machine has and lacks for building',
  args: '',
  arity: [0, 0],
  options: [{ flags: '--json', help: 'Print a JSON object' }],
  examples: [{ text: 'In a script', command: 'lapidary doctor || echo "RUN will not work here"' }],
  details: ['The exit code is 1 when something that RUN needs is missing.'],
  run: runDoctor,
};

async function runDoctor(call: Invocation): Promise<number> {
  const { flags, io } = call;
  const [{ probeMachine }, { alignColumns }, { searchPath }] = await Promise.all([
    import('../../build/index.ts'),
    import('../table.ts'),
    import('../machine-paths.ts'),
  ]);
  const report = await probeMachine(searchPath(call));
  const code = report.canRun ? EXIT.ok : EXIT.failed;
  if (flags.on('json')) {
    const { formatJson } = await import('../json.ts');
    io.stdout.write(formatJson(report));
    return code;
  }
  const rows = report.checks.map(({ name, status, detail, need }) => [name, status, need, detail]);
  io.stdout.write(alignColumns([['CHECK', 'STATUS', 'NEEDED FOR', 'DETAIL'], ...rows]));
  const fixes = report.checks.flatMap(({ name, fix }) => (fix === undefined ? [] : [`  ${name}: ${fix}\n`]));
  if (fixes.length > 0) io.stdout.write(`\nTo get what is missing:\n${printable(fixes.join(''))}`);
  return code;
}
