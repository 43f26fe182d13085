import { describe, expect, test } from 'vitest';
import type { CommandSpec } from './command.ts';
import { buildCommand } from './commands/build.ts';
import { COMMANDS } from './commands/index.ts';
import { runCommand } from './commands/run.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { parseArgs } from './parse-args.ts';

const parse = (spec: CommandSpec, argv: readonly string[]): ReturnType<typeof parseArgs> =>
  parseArgs(spec, [...spec.options, ...GLOBAL_OPTIONS], argv);

describe('parseArgs', () => {
  test.for([
    ['a long flag', ['--tag', 'a', '.'], 'tag', ['a']],
    ['a long flag with =', ['--tag=a', '.'], 'tag', ['a']],
    ['a short flag', ['-t', 'a', '.'], 'tag', ['a']],
    ['a short flag with its value', ['-ta', '.'], 'tag', ['a']],
    ['again and again, in order', ['-t', 'a', '.', '--tag', 'b'], 'tag', ['a', 'b']],
    ['a flag behind the path', ['.', '--no-cache'], 'no-cache', ['true']],
    ['a value with =', ['--build-arg', 'A=b=c', '.'], 'build-arg', ['A=b=c']],
    ['an empty value', ['--build-arg=', '.'], 'build-arg', ['']],
    ['a dash as value', ['-f', '-', '.'], 'file', ['-']],
    ['a value that looks like a flag', ['--label', '--x', '.'], 'label', ['--x']],
    ['short flags together', ['-qt', 'a', '.'], 'tag', ['a']],
    ['a value that may be left out', ['--pull', '.'], 'pull', ['always']],
    ['a value that need not be left out', ['--pull=newer', '.'], 'pull', ['newer']],
    ['the epoch', ['--source-date-epoch', '0', '.'], 'source-date-epoch', ['0']],
    ['a flag of every command', ['--store', '/s', '.'], 'store', ['/s']],
    ['a flag that is not given', ['.'], 'target', []],
    ['help needs no path', ['--help'], 'help', ['true']],
  ] as const)('build: %s', ([, argv, flag, want]) => {
    const { flags } = parse(buildCommand, argv);
    expect(flags.list(flag)).toEqual(want);
    expect(flags.on(flag)).toBe(want.length > 0);
    expect(flags.text(flag)).toBe(want.at(-1));
  });

  test.for([
    ['flags end at the image', ['--rm', 'img', '-e', 'x', '--help'], ['img', '-e', 'x', '--help']],
    ['a dash behind the image', ['img', '-', '--'], ['img', '-', '--']],
    ['short flags together', ['-it', 'img', 'sh'], ['img', 'sh']],
    ['the end of flags', ['--', 'img', '--init'], ['img', '--init']],
  ] as const)('run: %s', ([, argv, want]) => {
    expect(parse(runCommand, argv).args).toEqual(want);
  });

  test.for([
    ['a misspelt flag', ['--tga', 'x', '.'], 'USAGE', 'no flag "--tga"', 'did you mean --tag?'],
    ['an unknown flag', ['--xyzzy', '.'], 'USAGE', 'no flag "--xyzzy"', 'see lapidary build --help'],
    ['an unknown short flag', ['-Z', '.'], 'USAGE', 'no flag "-Z"', 'see lapidary build --help'],
    ['no value', ['.', '--tag'], 'USAGE', '-t, --tag needs a value', undefined],
    ['a value too many', ['--no-cache=1', '.'], 'USAGE', '--no-cache takes no value', undefined],
    ['two paths', ['a', 'b'], 'USAGE', 'does not take the argument "b"', undefined],
    ['a flag that has no meaning to Object', ['--constructor', '.'], 'USAGE', 'no flag', undefined],
    ['attestations', ['--sbom', 'true', '.'], 'UNSUPPORTED', '--sbom is not supported', undefined],
    ['a load without a path', ['--load'], 'UNSUPPORTED', '--load is not supported', undefined],
    ['a cache with =', ['--cache-from=type=gha', '.'], 'UNSUPPORTED', '--cache-from is not', undefined],
  ] as const)('build, error: %s', ([, argv, code, message, hint]) => {
    expect(() => parse(buildCommand, argv)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(message),
        ...(hint === undefined ? {} : { hint }),
      }),
    );
  });

  test('an argument that is needed', () => {
    expect(() => parse(runCommand, ['--rm'])).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining('run needs an argument: ') as string,
      }),
    );
  });

  test('asking for a flag that is not defined is a bug', () => {
    expect(() => parse(buildCommand, ['.']).flags.list('nope')).toThrow('--nope is not defined');
  });
});

describe('COMMANDS', () => {
  test.for(COMMANDS.map((spec) => [spec.name, spec] as const))('%s is described', ([, spec]) => {
    expect(spec.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const { help, unsupported } of spec.options) {
      expect(unsupported ?? help).not.toBe('');
      expect(help === '').toBe(unsupported !== undefined);
    }
    for (const { command } of spec.examples) expect(command).toContain(`lapidary ${spec.name}`);
  });
});
