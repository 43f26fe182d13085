import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeTree } from './remove-tree.ts';
import { workDirectory } from './work-directory.ts';

let parent: string;
const discarded = '/nowhere';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'lapidary-work-'));
});
afterEach(() => rm(parent, { recursive: true }));

/** Another process with a work directory; resolves when it has it. */
async function owner(): Promise<{ readonly child: ChildProcess; readonly name: string }> {
  const module = JSON.stringify(new URL('./work-directory.ts', import.meta.url).href);
  const script = `import { workDirectory } from ${module};
    process.stdout.write(workDirectory(${JSON.stringify(parent)}, { discarded: '/nowhere' }).path); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [path] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, name: basename(path.toString()) };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('what another process left', () => {
  test('stays while that lives, and goes when it is dead', async () => {
    const { child, name } = await owner();
    await writeFile(join(parent, name, 'half'), 'x');
    const first = workDirectory(parent, { discarded });
    expect(await readdir(parent)).toContain(name);
    await kill(child);
    const second = workDirectory(parent, { discarded });
    expect((await readdir(parent)).sort()).toEqual(
      [first.path, second.path].map((path) => basename(path)).sort(),
    );
    first.remove();
    second.remove();
    expect(await readdir(parent)).toEqual([]);
  });

  test('goes when its process ID belongs to another process by now', async () => {
    const { child, name } = await owner();
    const [pid, start, space, n] = name.split('-');
    const old = [pid, Number(start) - 1, space, n].join('-');
    await mkdir(join(parent, old));
    using mine = disposable(workDirectory(parent, { discarded }));
    expect((await readdir(parent)).sort()).toEqual([name, basename(mine.path)].sort());
    await kill(child);
  });

  test.for<{ name: string; silentHours: number; stays: boolean }>([
    { name: 'stays while it shows signs of life', silentHours: 2, stays: true },
    { name: 'goes when it was silent for more than a day', silentHours: 25, stays: false },
  ])('of another container $name', async ({ silentHours, stays }) => {
    const foreign = join(parent, '7-4242-0123abcd4026532999-0');
    await mkdir(foreign);
    const then = new Date(Date.now() - silentHours * 3_600_000);
    await utimes(foreign, then, then);
    using mine = disposable(workDirectory(parent, { discarded }));
    expect((await readdir(parent)).sort()).toEqual(
      [...(stays ? [basename(foreign)] : []), basename(mine.path)].sort(),
    );
  });

  test('is not touched when its name is not ours', async () => {
    await mkdir(join(parent, 'notes'));
    using mine = disposable(workDirectory(parent, { discarded }));
    expect(await readdir(parent)).toEqual([basename(mine.path), 'notes'].sort());
  });
});

function disposable(work: ReturnType<typeof workDirectory>): { readonly path: string } & Disposable {
  return { path: work.path, [Symbol.dispose]: () => work.remove() };
}

describe('removeTree', () => {
  test('removes directories that may not be entered, and names that are not UTF-8', async () => {
    const tree = join(parent, 'tree');
    await mkdir(join(tree, 'work', 'work'), { recursive: true });
    await writeFile(Buffer.concat([Buffer.from(`${tree}/work/caf`), Buffer.from([0xe9])]), 'x');
    await chmod(join(tree, 'work', 'work'), 0);
    await chmod(join(tree, 'work'), 0o500);
    removeTree(tree);
    expect(await readdir(parent)).toEqual([]);
  });

  test('of nothing is no error', () => {
    removeTree(join(parent, 'nothing'));
    expect(parent).toBeTruthy();
  });
});
