import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openSandbox, probeMachine } from '../../src/sandbox/index.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import type { LayerId } from '../../src/tree/index.ts';
import { baseEntries, dir, openRuntime, request, run, TestStore } from './sandbox-support.ts';

const MAIN = fileURLToPath(new URL('./sandbox-main.ts', import.meta.url));

let store: TestStore;
let base: LayerId;

beforeAll(() => {
  store = new TestStore();
  base = store.write(baseEntries());
});
afterAll(() => store.remove());

/** Every process of this machine → its parent. */
function processes(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = readIfThere(`/proc/${name}/stat`);
    if (stat !== '') found.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  return found;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function descendants(root: number): number[] {
  const parents = processes();
  const children = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
  const all = (pid: number): number[] => children(pid).flatMap((child) => [child, ...all(child)]);
  return all(root);
}

/** Processes that have a mount of the store, wherever their namespace is. */
function mountHolders(): number[] {
  return [...processes().keys()].filter((pid) => readIfThere(`/proc/${pid}/mountinfo`).includes(store.root));
}

function command(script: string): { readonly argv: readonly string[] } {
  return { argv: ['/bin/sh', '-c', script] };
}

function main(how: 'build' | 'idle' | 'image', more: Record<string, unknown>): ChildProcess {
  const args = [MAIN, how, store.root, base, JSON.stringify(more)];
  return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Waits for a text on standard output. */
async function said(child: ChildProcess, text: string): Promise<void> {
  let seen = '';
  for await (const data of child.stdout ?? []) {
    seen += String(data);
    if (seen.includes(text)) return;
  }
  throw new Error(`ended after ${JSON.stringify(seen)}`);
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('when the main process is killed', () => {
  test.for(['SIGKILL', 'SIGTERM'] as const)('%s leaves no process and no mount', async (signal) => {
    const child = main('build', command('sleep 1000 & echo started; sleep 1000'));
    await said(child, 'started');
    const tree = descendants(child.pid ?? 0);
    expect(tree.length).toBeGreaterThan(3);
    expect(mountHolders().length).toBeGreaterThan(0);
    child.kill(signal);
    await exitOf(child);
    await vi.waitFor(() => {
      expect(tree.filter((pid) => processes().has(pid))).toEqual([]);
      expect(mountHolders()).toEqual([]);
    }, 10_000);
    const left = readdirSync(store.paths.work);
    expect(left).toEqual([expect.stringMatching(new RegExp(`^${child.pid}-\\d+-0$`))]);
    for (const name of left) removeTree(`${store.paths.work}/${name}`);
  });

  test('the next build goes on with the same store', async () => {
    await using runtime = openRuntime(store);
    expect((await run(runtime, request([base], command('echo fine')))).out).toBe('fine\n');
  });
});

describe('aborting', () => {
  test.for([
    { name: 'while it sleeps', script: 'echo started; sleep 1000' },
    { name: 'while it writes without end', script: 'echo started; while :; do echo more; done' },
    { name: 'while it ignores signals', script: 'trap "" TERM INT; echo started; sleep 1000; sleep 1000' },
  ])('$name leaves nothing, and the sandbox works on', async ({ script }) => {
    await using runtime = openRuntime(store);
    const abort = new AbortController();
    const reason = new Error('enough');
    const running = runtime.run(request([base], command(script)), {
      onOutput: () => abort.abort(reason),
      signal: abort.signal,
    });
    await expect(running).rejects.toBe(reason);
    expect(readdirSync(store.paths.work)).toEqual([]);
    expect(descendants(process.pid).filter((pid) => readIfThere(`/proc/${pid}/comm`) === 'sleep\n')).toEqual(
      [],
    );
    expect(mountHolders()).toEqual([]);
    expect((await run(runtime, request([base], command('echo fine')))).out).toBe('fine\n');
  });

  test('at any moment of the start', async () => {
    await using runtime = openRuntime(store);
    await run(runtime, request([base], command('true')));
    for (let ms = 0; ms < 40; ms += 2) {
      const signal = AbortSignal.timeout(ms);
      await expect(run(runtime, request([base], command('sleep 1000')), signal)).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      expect(readdirSync(store.paths.work)).toEqual([]);
    }
    expect(mountHolders()).toEqual([]);
  });

  test('before the start runs nothing', async () => {
    await using runtime = openRuntime(store);
    await expect(run(runtime, request([base]), AbortSignal.abort('no'))).rejects.toBe('no');
  });
});

describe('the sandbox', () => {
  test('runs many commands at once, each with its own change', async () => {
    await using runtime = openRuntime(store);
    const fresh = store.write([dir('fresh')]);
    const all = Array.from({ length: 8 }, async (_, index) => {
      const ran = await run(runtime, request([base, fresh], command(`echo ${index} > /tmp/f; cat /tmp/f`)));
      return [ran.out, ran.result.ok && ran.result.layer.entries.map(({ path }) => path)];
    });
    const want = Array.from({ length: 8 }, (_, index) => [`${index}\n`, ['tmp', 'tmp/f']]);
    expect(await Promise.all(all)).toEqual(want);
  });

  test('two sandboxes unpack the same new layer at once', async () => {
    await using one = openRuntime(store);
    await using two = openRuntime(store);
    const layer = store.write(Array.from({ length: 500 }, (_, index) => dir(`many${index}`)));
    const runs = [one, two].map((runtime) =>
      run(runtime, request([base, layer], command('ls -d /many* | grep -c .'))),
    );
    expect((await Promise.all(runs)).map(({ out }) => out)).toEqual(['500\n', '500\n']);
    expect(readdirSync(store.paths.work)).toEqual([]);
  });

  test('disposing ends what still runs', async () => {
    const runtime = openRuntime(store);
    const started = Promise.withResolvers<void>();
    const running = runtime.run(request([base], command('echo started; sleep 1000')), {
      onOutput: () => started.resolve(),
      signal: new AbortController().signal,
    });
    await started.promise;
    const disposed = runtime[Symbol.asyncDispose]();
    await expect(running).rejects.toMatchObject({ code: 'SANDBOX_FAILED' });
    await disposed;
    expect(mountHolders()).toEqual([]);
    expect(readdirSync(store.paths.work)).toEqual([]);
  });

  test('that nobody disposed ends with its process, which it does not hold', async () => {
    const child = main('idle', command('true'));
    expect(await exitOf(child)).toBe(0);
    await vi.waitFor(() => expect(mountHolders()).toEqual([]));
    expect(readdirSync(store.paths.work)).toEqual([]);
  });

  test('starts nothing before the first run', async () => {
    const runtime = openRuntime(store);
    expect(
      descendants(process.pid).filter((pid) => readIfThere(`/proc/${pid}/comm`) === 'unshare\n'),
    ).toEqual([]);
    await runtime[Symbol.asyncDispose]();
  });

  test('works with runc where there is no crun', async () => {
    const searchPath = mkdtempSync(`${store.root}/path-`);
    for (const name of [
      '/usr/sbin/runc',
      '/usr/bin/unshare',
      '/usr/bin/setpriv',
      '/usr/bin/newuidmap',
      '/usr/bin/newgidmap',
    ]) {
      symlinkSync(name, `${searchPath}/${name.slice(name.lastIndexOf('/') + 1)}`);
    }
    await using runtime = openSandbox({ paths: store.paths, layers: store, searchPath });
    expect((await run(runtime, request([base], command('echo runc; exit 0')))).out).toBe('runc\n');
    const failed = await run(runtime, request([base], { argv: ['/bin/nope'] }));
    expect(failed.result).toEqual({ ok: false, exitCode: 127 });
    const alone = await run(runtime, request([base], { ...command('cat /proc/net/dev'), network: 'none' }));
    expect(alone.out).not.toContain('eth0');
  });

  test('says which program is missing', async () => {
    const searchPath = mkdtempSync(`${store.root}/path-`);
    await using runtime = openSandbox({ paths: store.paths, layers: store, searchPath });
    await expect(run(runtime, request([base]))).rejects.toMatchObject({
      code: 'RUNTIME_MISSING',
      hint: 'install one: apt-get install crun',
    });
  });
});

async function foreground(
  more: Record<string, unknown>,
): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = main('image', more);
  let out = '';
  child.stdout?.on('data', (data) => {
    out += String(data);
  });
  const code = await exitOf(child);
  return { code, out };
}

describe('an image in the foreground', () => {
  test('passes output and exit code on, and throws changes away', async () => {
    const trees = readdirSync(store.paths.trees).length;
    const ran = await foreground(command('cat /etc/hostname; echo x > /etc/hosts; echo x > /new; exit 7'));
    expect(ran).toEqual({ code: 7, out: 'lapidary\n' });
    expect(readdirSync(store.paths.trees).length).toBe(trees);
    expect(readdirSync(store.paths.work)).toEqual([]);
  });

  test('standard input goes through', async () => {
    const child = main('image', command('cat; exit 5'));
    child.stdin?.end('typed\n');
    await said(child, 'typed');
    expect(await exitOf(child)).toBe(5);
  });

  test('volumes', async () => {
    const source = `${store.root}/volume`;
    mkdirSync(source);
    writeFileSync(`${source}/given`, 'given\n');
    const volumes = [
      { source, target: '/srv/rw', readonly: false },
      { source, target: '/srv/ro', readonly: true },
    ];
    const ran = await foreground({
      ...command('cat /srv/ro/given; echo x > /srv/rw/made; echo x > /srv/ro/no || echo refused'),
      volumes,
    });
    expect(ran).toEqual({ code: 0, out: 'given\nrefused\n' });
    expect(readFileSync(`${source}/made`, 'utf8')).toBe('x\n');
  });

  test('an init process before the command', async () => {
    expect(
      await foreground({ ...command('echo $PPID; grep -a -c docker-init /proc/1/cmdline'), init: true }),
    ).toEqual({ code: 0, out: '1\n1\n' });
  });

  test.for(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('%s is for the command to judge', async (signal) => {
    const name = signal.slice(3);
    const child = main('image', command(`trap "exit 42" ${name}; echo ready; while :; do sleep 0.05; done`));
    await said(child, 'ready');
    child.kill(signal);
    expect(await exitOf(child)).toBe(42);
  });

  test('a second SIGINT kills a command that ignores the first', async () => {
    const child = main('image', command('trap "echo ignored" INT; echo ready; while :; do sleep 0.05; done'));
    const ready = Promise.withResolvers<void>();
    const ignored = Promise.withResolvers<void>();
    child.stdout?.on('data', (data) => {
      if (String(data).includes('ready')) ready.resolve();
      if (String(data).includes('ignored')) ignored.resolve();
    });
    await ready.promise;
    child.kill('SIGINT');
    await ignored.promise;
    child.kill('SIGINT');
    expect(await exitOf(child)).toBe(137);
  });

  test('a terminal', async () => {
    const json = JSON.stringify({ ...command('test -t 0 && test -t 1 && echo terminal; exit 9'), tty: true });
    const line = [process.execPath, MAIN, 'image', store.root, base, json]
      .map((word) => `'${word}'`)
      .join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    expect(await readText(child.stdout)).toBe('terminal\r\n');
    expect(await exitOf(child)).toBe(9);
  });

  test('a terminal of the size of ours, and all that is said at the end', async () => {
    const script = 'stty size; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done';
    const json = JSON.stringify({ ...command(script), tty: true });
    const image = [process.execPath, MAIN, 'image', store.root, base, json].map((word) => `'${word}'`);
    const line = `stty rows 33 cols 77; exec ${image.join(' ')}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const text = await readText(child.stdout);
    expect(text.split(/\r?\n/).slice(0, 2)).toEqual(['33 77', 'line 1']);
    expect(text.trimEnd().endsWith('line 3000')).toBe(true);
    expect(await exitOf(child)).toBe(0);
  });
});

test('the machine is described', async () => {
  const report = await probeMachine();
  expect(report.canRun).toBe(true);
  const status = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
  expect(status).toMatchObject({
    user: 'ok',
    runtime: 'ok',
    unshare: 'ok',
    setpriv: 'ok',
    koffi: 'ok',
    overlay: 'ok',
  });
  const empty = await probeMachine({ searchPath: '/nowhere' });
  expect(empty.canRun).toBe(false);
  for (const { fix } of empty.checks.filter(({ status }) => status !== 'ok')) expect(fix).toBeTruthy();
});
