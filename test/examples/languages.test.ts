import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Workspace } from '../support/cli.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';

let work: Workspace;
beforeAll(async () => {
  work = await exampleWorkspace();
  await debianBases(work, 'debian:trixie-slim');
});
afterAll(() => work[Symbol.asyncDispose]());

type Case = {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Not all of them for all languages: packages for three machines take long to install. */
  readonly platforms: readonly string[];
  readonly flags?: readonly string[];
};

const CASES: readonly Case[] = [
  {
    name: 'go',
    files: {
      'go.mod': 'module example.org/greet\n\ngo 1.19\n',
      'main.go': 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
      'cmd/worker/main.go': 'package main\n\nfunc main() {}\n',
    },
    platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
  },
  {
    name: 'rust',
    files: {
      'Cargo.toml': '[package]\nname = "greet"\nversion = "0.1.0"\nedition = "2021"\n',
      'src/main.rs': 'fn main() { println!("hello"); }\n',
    },
    platforms: ['linux/arm64'],
  },
  {
    name: 'c',
    files: {
      Makefile:
        'greet: greet.c\n\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<\ninstall: greet\n\tinstall -D greet $(DESTDIR)$(PREFIX)/bin/greet\n',
      'greet.c': '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    },
    platforms: ['linux/arm/v7'],
    flags: ['--crystal-target', 'greet'],
  },
];

describe('a project without a Dockerfile, cross-compiled', () => {
  test.for(CASES)('in $name is small and says hello', async ({ name, files, platforms, flags = [] }) => {
    const directory = await work.files(name, files);
    const { code, stderr } = await work.run([
      'build',
      '--progress=plain',
      `--platform=${platforms.join(',')}`,
      `--tag=greet-${name}`,
      ...flags,
      directory,
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).not.toContain('emulated');
    for (const platform of platforms) {
      expect(await work.ok(['run', '--rm', '--platform', platform, `greet-${name}`])).toBe('hello\n');
      const size = await work.ok([
        'inspect',
        '--platform',
        platform,
        '--format',
        '{{.Size}}',
        `greet-${name}`,
      ]);
      expect(Number(size)).toBeLessThan(8_000_000);
    }
  });
});
