import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../dockerfile/index.ts';
import { projectOf } from './test-project.ts';
import type { RecipeOptions } from './types.ts';
import { writeRecipe } from './write-recipe.ts';

const GO = { 'go.mod': 'module example.org/tool/v2\n\ngo 1.19\n', 'main.go': '' };
const RUST = {
  'Cargo.toml': '[package]\nname = "tool"\nversion = "1.2.0"\nlicense = "MIT"\n',
  'Cargo.lock': '',
};
const C = { Makefile: 'tool:\n\ninstall : tool\n' };

describe('the Dockerfile of other languages', () => {
  test.each<{
    name: string;
    files: Readonly<Record<string, string>>;
    options?: RecipeOptions;
    has: readonly string[];
    lacks?: readonly string[];
  }>([
    {
      name: 'a Go module',
      files: { ...GO, 'go.sum': '' },
      has: [
        'COPY go.mod go.sum ./',
        'go build -o /program/usr/local/bin/tool',
        'CGO_ENABLED=0',
        '"/usr/local/bin/tool"',
      ],
    },
    {
      name: 'a Go module with what it needs',
      files: { ...GO, 'vendor/modules.txt': '' },
      has: ['FROM compiler AS program'],
      lacks: ['go mod download'],
    },
    {
      name: 'a Go module of several programs',
      files: { ...GO, 'cmd/worker/main.go': '' },
      has: ['bin/tool', './cmd/worker'],
    },
    {
      name: 'one of them',
      files: { ...GO, 'cmd/worker/main.go': '' },
      options: { targets: ['worker'] },
      has: ['"/usr/local/bin/worker"'],
      lacks: ['bin/tool'],
    },
    {
      name: 'a Rust package',
      files: RUST,
      has: [
        'cargo build',
        '--locked',
        '--bin tool',
        'image.version="1.2.0"',
        'image.licenses="MIT"',
        '+crt-static',
      ],
    },
    {
      name: 'a Rust package of several programs',
      files: { 'Cargo.toml': '[package]\nname = "tool"\n[[bin]]\nname = "a"\n[[bin]]\nname = "b"\n' },
      has: ['--bin a --bin b', 'for program in a b;', '"/usr/local/bin/a"'],
      lacks: ['--locked'],
    },
    {
      name: 'a C program',
      files: C,
      options: { targets: ['tool'], packages: ['zlib1g-dev'] },
      has: ['make install DESTDIR=/program', "LDFLAGS='-static -s'", 'zlib1g-dev:$DEBIAN'],
    },
    {
      name: 'a health check of a server',
      files: GO,
      options: { healthUrl: 'http://localhost:80/' },
      has: ['musl-dev:$DEBIAN', '. /machine; mkdir', 'HEALTHCHECK CMD ["/usr/bin/probe"]'],
    },
  ])('$name', async ({ files, options = {}, has, lacks = [] }) => {
    const text = (await writeRecipe(projectOf(files), options))?.dockerfile ?? '';
    expect(() => parseDockerfile({ name: 'Dockerfile', text })).not.toThrow();
    expect(has.filter((part) => !text.includes(part))).toEqual([]);
    expect(lacks.filter((part) => text.includes(part))).toEqual([]);
  });

  test.each<{
    name: string;
    files: Readonly<Record<string, string>>;
    options?: RecipeOptions;
    code?: string;
    message: RegExp;
  }>([
    { name: 'a go.mod without a module', files: { 'go.mod': 'go 1.19\n' }, message: /names no module/ },
    { name: 'a Go library', files: { 'go.mod': 'module a.b/c\n' }, message: /neither a main\.go/ },
    {
      name: 'a Go program that is not there',
      files: GO,
      options: { targets: ['x'] },
      message: /no program "x"/,
    },
    { name: 'a Cargo.toml that is no TOML', files: { 'Cargo.toml': '[package\n' }, message: /not TOML/ },
    {
      name: 'a workspace without a package',
      files: { 'Cargo.toml': '[workspace]\n' },
      message: /names no package/,
    },
    {
      name: 'a Makefile that installs nothing',
      files: { Makefile: 'all:\n' },
      message: /no Dockerfile, and the Makefile has no rule `install`/,
    },
    {
      name: 'a flag that a language has no use for',
      files: GO,
      options: { link: 'dynamic' },
      code: 'UNSUPPORTED',
      message: /--link means nothing to the recipe for Go/,
    },
  ])('$name is an error', async ({ files, options = {}, code = 'PROJECT_INVALID', message }) => {
    await expect(writeRecipe(projectOf(files), options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});
