import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT, LapidaryError } from '../errors/index.ts';
import { main } from './main.ts';
import { reportError } from './report-error.ts';
import { fakeIo } from './test-fake-io.ts';

const SOURCES = join(import.meta.dirname, '..');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lapidary-cli-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('main', () => {
  test.for([
    ['--version', ['--version'], /^lapidary \d+\.\d+\.\d+\n$/],
    ['-v', ['-v'], /^lapidary \d/],
    ['nothing', [], /^Usage: lapidary COMMAND/],
    ['--help', ['--help'], /^Usage: lapidary COMMAND/],
    ['help of a command', ['help', 'build'], /^Usage: lapidary build \[OPTIONS\] \[PATH\]\n/],
    ['--help of a command', ['build', '--help'], /^Usage: lapidary build/],
    ['-h behind a command', ['run', '-h'], /^Usage: lapidary run/],
    ['--help behind the flags of all', ['--verbose', 'images', '--help'], /^Usage: lapidary images/],
    ['version', ['version'], /^lapidary \S+\nnode \S+\nplatform \S+\/\S+\n$/],
    ['version as JSON', ['version', '--json'], /^\{"lapidary":.*\}\n$/],
  ] as const)('%s', async ([, argv, want]) => {
    const { io, out, err } = fakeIo();
    expect([await main(argv, io), err()]).toEqual([EXIT.ok, '']);
    expect(out()).toMatch(want);
  });

  test.for([
    ['a misspelt command', ['biuld'], EXIT.usage, 'no command "biuld"\n  hint: did you mean lapidary build?'],
    ['a strange flag', ['--nope'], EXIT.usage, 'there is no flag "--nope"'],
    ['help of nothing', ['help', 'nope'], EXIT.usage, 'there is no command "nope"'],
    ['an escape sequence', ['\u001b[31m'], EXIT.usage, 'no command "\\u001b[31m"'],
    ['an unknown flag', ['build', '--tga', '.'], EXIT.usage, 'hint: did you mean --tag?'],
    ['an unsupported flag', ['build', '--squash', '.'], EXIT.failed, 'error[UNSUPPORTED]: --squash'],
    ['a wrong progress', ['build', '--progress', 'x', '.'], EXIT.usage, '--progress has no mode "x"'],
    ['everything on standard input', ['build', '-f', '-', '-'], EXIT.usage, 'are both to be standard input'],
    ['a wrong platform', ['build', '--platform', 'a/b/c/d', '.'], EXIT.failed, 'error[PLATFORM_INVALID]'],
    ['several platforms', ['run', '--platform', 'a/b,c/d', 'x'], EXIT.usage, 'one platform is expected'],
    ['a wrong epoch', ['build', '--source-date-epoch', '-1', '.'], EXIT.usage, '--source-date-epoch is not'],
    ['no jobs', ['build', '-j', '0', '.'], EXIT.usage, '--jobs is not a whole number from 1 on: "0"'],
    ['two streams', ['build', '-o', '-', '-o', 'type=oci', '.'], EXIT.usage, 'both go to standard output'],
    ['a stream and the ID', ['build', '-q', '-o', '-', '.'], EXIT.usage, 'the image ID of --quiet'],
    ['a named volume', ['run', '-v', 'data:/x', 'img'], EXIT.failed, 'there are no named volumes'],
    ['a volume that is not there', ['run', '-v', './no:/x', 'img'], EXIT.usage, 'does not exist'],
    ['a relative target', ['run', '-v', './a:x', 'img'], EXIT.usage, '--volume is not understood'],
    ['a terminal that is none', ['run', '-t', 'img'], EXIT.usage, '--tty needs a terminal'],
    ['a file of variables that is not there', ['run', '--env-file', 'no', 'img'], EXIT.usage, '--env-file'],
    ['a wrong template', ['inspect', '-f', '{{nope}}', 'img'], EXIT.usage, 'no function "nope"'],
    ['two formats', ['images', '--json', '-q'], EXIT.usage, '--json and --quiet exclude each other'],
    ['a wrong format', ['save', '--format', 'oic', 'img'], EXIT.usage, 'hint: did you mean oci?'],
    ['another distribution', ['bootstrap', 'alpine:3'], EXIT.failed, 'only Debian'],
    ['no suite', ['bootstrap', 'debian'], EXIT.usage, 'not a suite: "debian"'],
    ['an image that is not there', ['inspect', 'nope'], EXIT.failed, 'error[IMAGE_NOT_FOUND]'],
    ['a removal of what is not there', ['rmi', 'nope'], EXIT.failed, 'error[IMAGE_NOT_FOUND]'],
    [
      'a removal by a tag',
      ['rm', 'r.example/app@sha256:' + 'a'.repeat(64), 'r.example/app:1'],
      EXIT.usage,
      'has no digest',
    ],
    ['a directory that is not there', ['build', 'nope'], EXIT.failed, 'error['],
  ] as const)('error: %s', async ([, argv, code, message]) => {
    const { io, out, err } = fakeIo({ cwd: dir, env: { LAPIDARY_STORE: 'store' } });
    const got = await main(argv, io);
    expect(err()).toContain(message);
    expect([got, out()]).toEqual([code, '']);
  });

  test.for([
    ['load from a terminal', ['load'], 'standard input, which is a terminal'],
    ['save to a terminal', ['save', 'img'], 'not written to a terminal'],
    ['an output to a terminal', ['build', '-o', '-', '.'], 'standard output, which is a terminal'],
    ['a Dockerfile from a terminal', ['build', '-f', '-', '.'], 'standard input, which is a terminal'],
  ] as const)('refused: %s', async ([, argv, message]) => {
    const { io, err } = fakeIo({ cwd: dir, isTTY: true, env: { LAPIDARY_STORE: 'store' } });
    expect(await main(argv, io)).toBe(EXIT.usage);
    expect(err()).toContain(message);
  });

  test('an empty store has no images, and rmi -f no complaints', async () => {
    const { io, out, err } = fakeIo({ cwd: dir, env: { LAPIDARY_STORE: 'store' } });
    expect(await main(['images'], io)).toBe(EXIT.ok);
    expect(await main(['images', '--json'], io)).toBe(EXIT.ok);
    expect(await main(['rmi', '-f', 'nope'], io)).toBe(EXIT.ok);
    expect(out()).toBe('REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n[]\n');
    expect(err()).toBe('');
  });

  test('a build from standard input, its ID and its files', async () => {
    const { io, out, err } = fakeIo({
      cwd: dir,
      env: { LAPIDARY_STORE: 'store', SOURCE_DATE_EPOCH: '0' },
      stdin: 'FROM scratch\nCOPY f /\nLABEL a=b\n',
    });
    await writeFile(join(dir, 'f'), 'x');
    const build = ['build', '-qt', 'x:1', '-f', '-', '--iidfile', 'id', '--metadata-file', 'meta.json', '.'];
    expect([await main(build, io), err()]).toEqual([EXIT.ok, '']);
    const inspect = ['inspect', '-f', '{{.Id}} {{.Config.Labels.a}} {{.Created}} {{.RepoTags}}', 'x:1'];
    expect(await main(inspect, io)).toBe(EXIT.ok);
    const id = out().split('\n')[0] ?? '';
    expect(out()).toBe(`${id}\n${id} b 1970-01-01T00:00:00Z [x:1]\n`);
    expect(await readFile(join(dir, 'id'), 'utf8')).toBe(id);
    expect(JSON.parse(await readFile(join(dir, 'meta.json'), 'utf8'))).toEqual({
      'containerimage.config.digest': id,
      'image.name': 'docker.io/library/x:1',
    });
  });

  test('an interruption is told in one word', async () => {
    const { io, err, interrupt } = fakeIo({
      cwd: dir,
      env: { LAPIDARY_STORE: 'store' },
      stdin: 'FROM scratch',
    });
    interrupt();
    expect(await main(['build', '-f', '-', '.'], io)).toBe(EXIT.interrupted);
    expect(err()).toBe('interrupted\n');
  });

  test('a reader that goes away is no error', async () => {
    const { io, err, breakPipe } = fakeIo();
    const done = main(['version'], io);
    breakPipe();
    expect(await done).toBe(EXIT.ok);
    expect(err()).toBe('');
  });
});

describe('reportError', () => {
  const user = new LapidaryError('RUN_FAILED', 'a\u0007', { cause: new Error('b', { cause: 'c\u001b' }) });

  test.for([
    ['an error of the user', user, false, 1, 'error[RUN_FAILED]: a\\u{7}\n'],
    ['its causes', user, true, 1, 'error[RUN_FAILED]: a\\u{7}\n  caused by: b\n    caused by: c\\u{1b}\n'],
    [
      'the original failure before that of the cleaning up',
      new SuppressedError(new Error('later'), user),
      false,
      1,
      'error[RUN_FAILED]: a\\u{7}\nwhile cleaning up: later\n',
    ],
    ['usage', new LapidaryError('USAGE', 'x'), false, 2, 'error[USAGE]: x\n'],
  ] as const)('%s', ([, error, verbose, code, want]) => {
    const { io, err } = fakeIo();
    expect(reportError(error, { io, verbose })).toBe(code);
    expect(err()).toBe(want);
  });

  test('a bug has its stack and asks to be reported', () => {
    const { io, err } = fakeIo();
    expect(reportError(new TypeError('oops'), { io, verbose: false })).toBe(EXIT.bug);
    expect(err()).toMatch(/^TypeError: oops\n +at [^]*this is a bug in lapidary \d[^]*please report/);
  });

  test.for([
    ['a terminal', {}, true, true],
    ['a terminal without colours', { NO_COLOR: '1' }, true, false],
    ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['a dumb terminal', { TERM: 'dumb' }, true, false],
    ['a file', {}, false, false],
  ] as const)('colour on %s', ([, env, isTTY, want]) => {
    const { io, err } = fakeIo({ env, isTTY });
    reportError(new LapidaryError('USAGE', 'x'), { io, verbose: false });
    expect(err().includes('\u001b[')).toBe(want);
  });
});

describe('what is loaded', () => {
  test.for([
    ['--version', ['--version']],
    ['--help', ['--help']],
    ['the help of a command', ['build', '--help']],
    ['a usage error', ['build', '--nope']],
  ] as const)('%s loads nothing of the builder', async ([, argv]) => {
    const script = `
      import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ resolve: (name, context, next) => { const to = next(name, context); seen.push(to.url); return to; } });
      process.argv.push(...${JSON.stringify(argv)});
      await import(${JSON.stringify(join(SOURCES, 'cli/bin.ts'))});
      process.exitCode = 0;
      process.stdout.write('\\n@' + JSON.stringify(seen));`;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const seen = JSON.parse(stdout.slice(stdout.lastIndexOf('\n@') + 2)) as string[];
    const own = seen.filter((url) => url.startsWith(pathToFileURL(SOURCES).href));
    const folders = new Set(
      own.map((url) => url.slice(pathToFileURL(SOURCES).href.length).split('/').find(Boolean)),
    );
    expect(folders).toEqual(new Set(['cli', 'errors', 'oci']));
  });
});
