import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { visibleRegistrations } from '../../src/sandbox/binfmt.ts';
import { Emulators } from '../../src/sandbox/emulation.ts';
import { arm64Program } from './foreign-program.ts';

/**
 * Asks for emulators in the namespaces that this script is started in, as a JSON line: `SEARCH_PATH SCRATCH ARCHITECTURE…`.
 * The last field is the exit code of a program for arm64 where the last of them runs.
 */
const [searchPath = '', scratch = '', ...architectures] = process.argv.slice(2);
using emulators = new Emulators({ searchPath, scratch, host: 'amd64' });
const answers: unknown[] = [];
for (const architecture of architectures) {
  answers.push(await emulators.prepare({ architecture, emulators: {}, visible: visibleRegistrations() }));
}
const program = `${scratch}/program`;
writeFileSync(program, arm64Program({ text: 'hello', exit: 7 }), { mode: 0o755 });
const { namespaces } = emulators;
const join = namespaces === undefined ? [] : [`--user=${namespaces}/user`];
const { status } = spawnSync('nsenter', [...join, program]);
process.stdout.write(`${JSON.stringify([...answers, status])}\n`);
