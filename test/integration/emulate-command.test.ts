import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emulateCommand } from '../../src/sandbox/index.ts';
import { Workspace } from '../support/cli.ts';
import { arm64Program } from '../support/foreign-program.ts';

const platform = { os: 'linux', architecture: 'arm64' };

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
});
afterAll(() => work[Symbol.asyncDispose]());

describe('what a bootstrap is started by', () => {
  test('lets root and ordinary users run programs of another architecture, with IDs for a whole system', async () => {
    const program = work.path('program');
    await writeFile(program, arm64Program({ text: 'from afar', exit: 7 }));
    await chmod(program, 0o755);
    using emulation = await emulateCommand({ platform, scratch: work.dir });
    const [command = '', ...flags] = emulation.prefix;
    const { status, stdout } = spawnSync(command, [...flags, program], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([7, 'from afar\n']);
    // As packages do: files of another user, in a directory that is its own
    const script = 'id -u; mkdir "$1"; chown 42:42 "$1"; stat -c %u "$1"; rmdir "$1"';
    const made = execFileSync(command, [...flags, 'sh', '-ec', script, 'sh', work.path('made')], {
      encoding: 'utf8',
    });
    expect(made).toBe('0\n42\n');
    expect(await readdir(work.dir)).toContain('program');
  });
});
