import { describe, expect, test } from 'vitest';
import { parseDockerfile, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError } from '../errors/index.ts';
import { runChecks } from '../plan/index.ts';
import { LEAST, projectOf } from './test-project.ts';
import type { RecipeOptions } from './types.ts';
import { writeRecipe } from './write-recipe.ts';

const SHARD = LEAST['shard.yml'] ?? '';

/** Text and what it says, by instruction. */
async function written(
  files: Readonly<Record<string, string>>,
  options: RecipeOptions = {},
): Promise<{ readonly text: string; readonly notes: readonly string[]; readonly ignore: string }> {
  const recipe = await writeRecipe(projectOf({ ...LEAST, ...files }), options);
  if (recipe === undefined) throw new Error('no recipe');
  return { text: recipe.dockerfile, notes: recipe.notes, ignore: recipe.ignore };
}

describe('the Dockerfile of a Crystal project', () => {
  test('is a Dockerfile with a stage for each machine, and ends with the image', async () => {
    const { text } = await written({});
    const { stages } = parseDockerfile({ name: 'Dockerfile', text });
    expect(stages.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'compiler',
        'shards',
        'objects',
        'linker-amd64',
        'linker-arm64',
        'linker-arm',
        'link',
      ]),
    );
    expect(stages.at(-1)?.instructions.map(({ kind }) => kind)).toEqual([
      'label',
      'copy',
      'copy',
      'user',
      'workdir',
      'entrypoint',
    ]);
  });

  test.each<RecipeOptions>([
    {},
    { link: 'dynamic', expose: ['80'] },
    { toolchain: 'official' },
    { base: 'alpine' },
  ])('has nothing that the checks complain of: %j', async (options) => {
    const { text } = await written({}, options);
    const native = { os: 'linux', architecture: 'amd64' };
    const { findings } = runChecks(parseDockerfile({ name: 'Dockerfile', text }), {
      buildArgs: {},
      platform: native,
      buildPlatform: native,
      target: undefined,
    });
    expect(findings.map(({ finding }) => finding.message)).toEqual([]);
  });

  test.each<{
    name: string;
    files?: Readonly<Record<string, string>>;
    options?: RecipeOptions;
    has?: readonly string[];
    lacks?: readonly string[];
  }>([
    {
      name: 'the program as nobody, behind tini',
      has: ['USER 65532:65532', 'ENTRYPOINT ["/usr/bin/tini","--","/usr/local/bin/app"]', 'FROM scratch'],
    },
    {
      name: 'the architecture declared before the first stage, as other builders want it for FROM',
      has: ['\nARG TARGETARCH\n\n# The compiler', 'FROM linker-${TARGETARCH} AS linker'],
    },
    {
      name: 'the dependency by path that asks for a library looked for behind its link',
      has: ['cd lib && grep -rlE "@\\[Link\\(.*\\"$library\\"" --include=*.cr */'],
    },
    { name: 'no tini where that is said', options: { init: false }, lacks: ['tini-static'] },
    {
      name: 'dependencies installed exactly as locked',
      files: {
        'shard.yml': `${SHARD}dependencies:\n  db:\n    github: a/db\n`,
        'shard.lock':
          'version: 2.0\nshards:\n  db:\n    git: https://github.com/a/db.git\n    version: 1.0.0\n',
      },
      has: ['COPY shard.yml shard.lock ./', 'shards install --production --frozen --skip-postinstall'],
      lacks: ['AS lock', 'type=ssh'],
    },
    {
      name: 'a stage that gives the lock file where there is none',
      files: { 'shard.yml': `${SHARD}dependencies:\n  db:\n    github: a/db\n` },
      has: ['AS lock', 'shards install --production --skip-postinstall'],
      lacks: ['--frozen'],
    },
    {
      name: 'the agent of ssh where a repository is fetched with a key',
      files: {
        'shard.yml': `${SHARD}dependencies:\n  db:\n    git: git@host.example:a/db.git\n`,
        'shard.lock':
          'version: 2.0\nshards:\n  db:\n    git: git@host.example:a/db.git\n    version: 1.0.0\n',
      },
      has: ['--mount=type=ssh', 'openssh-client'],
    },
    {
      name: 'tokens as secrets, for their hosts only',
      files: { 'shard.yml': `${SHARD}dependencies:\n  db:\n    github: a/db\n` },
      options: { gitTokens: ['github.com'] },
      has: ['--mount=type=secret,id=GIT_AUTH_TOKEN.github.com', 'http.https://github.com/.extraHeader'],
    },
    {
      name: 'dependencies by path before they are installed, and the overriding file',
      files: {
        'shard.yml': `${SHARD}dependencies:\n  tally:\n    path: vendor/tally\n`,
        'shard.override.yml': 'dependencies: {}\n',
      },
      has: ['COPY vendor/tally vendor/tally', 'COPY shard.yml shard.override.yml ./'],
    },
    {
      name: 'flags of the compiler',
      options: { release: false, debug: true, defines: ['preview_mt'], cpu: 'cortex-a53' },
      has: [' --debug --static -Dpreview_mt --mcpu cortex-a53 ', 'cp /out/$program'],
      lacks: ['--release', 'strip -o'],
    },
    {
      name: 'the shared libraries that are needed, when linked dynamically',
      options: { link: 'dynamic' },
      has: ['COPY --from=link --closure /usr/local/bin/app /'],
      lacks: [' --static ', 'start-group'],
    },
    {
      name: 'ports and a health check by a program of its own',
      options: { expose: ['3000'], healthUrl: 'http://localhost:3000/up?x=1%27' },
      has: [
        'EXPOSE 3000',
        'HEALTHCHECK CMD ["/usr/bin/probe"]',
        'GET /up?x=1\\04527 HTTP/1.0',
        'htons(3000)',
        'musl-dev',
      ],
    },
    {
      name: 'a health check of the program',
      options: { healthCommand: ['/usr/local/bin/app', '--check'] },
      has: ['HEALTHCHECK CMD ["/usr/local/bin/app","--check"]'],
    },
    {
      name: 'what the program reads',
      files: { 'public/index.html': 'x' },
      has: ['COPY public public', 'cp -a public /root-files/app/public'],
    },
    {
      name: 'settings of the project',
      files: { 'lapidary.yml': 'expose: 8080\ntls: off\n' },
      has: ['EXPOSE 8080', 'without_openssl'],
      lacks: ['nm -u'],
    },
    {
      name: 'flags rather than settings',
      files: { 'lapidary.yml': 'expose: 8080\n' },
      options: { expose: ['80'] },
      has: ['EXPOSE 80\n'],
    },
    {
      name: 'labels of what shard.yml says, which mean themselves',
      files: {
        'shard.yml': `${SHARD}description: |\n  costs $HOME "and"\n  more\nlicense: MIT\nauthors: [A <a@b.c>]\n`,
      },
      has: [
        'image.description="costs \\$HOME \\"and\\" more"',
        'image.licenses="MIT"',
        'image.authors="A <a@b.c>"',
      ],
    },
    {
      name: 'packages of libraries that shard.yml names, and others',
      files: { 'shard.yml': `${SHARD}libraries:\n  sqlite3: "*"\n` },
      options: { packages: ['libfoo-dev'] },
      has: ['libsqlite3-dev:arm64', 'libfoo-dev:armhf'],
    },
    {
      name: 'the official image where Debian has another version than shard.yml wants',
      files: { 'shard.yml': `${SHARD}crystal: ">= 1.15, < 1.17"\n` },
      has: [
        'FROM crystallang/crystal:1.16.3-alpine AS compiler',
        'crystal build src/app.cr',
        'cp /sbin/tini-static',
        'cp /etc/ssl/certs',
      ],
      lacks: ['linker-', 'debian:', '/look'],
    },
    {
      name: 'the official image where that is asked for',
      options: { toolchain: 'official', linkFlags: '-Wl,-s -lfoo' },
      has: ['FROM crystallang/crystal:1.21.0-alpine AS compiler', "--link-flags '-Wl,-s -lfoo'"],
    },
    {
      name: 'another base',
      options: { base: 'debian' },
      has: [
        'FROM debian:trixie-slim\n',
        'cp /etc/ssl/certs/ca-certificates.crt',
        'cp -a /usr/share/zoneinfo',
      ],
      lacks: ['etc/passwd', 'FROM scratch'],
    },
  ])('has $name', async ({ files = {}, options = {}, has = [], lacks = [] }) => {
    const { text } = await written(files, options);
    expect(() => parseDockerfile({ name: 'Dockerfile', text })).not.toThrow();
    expect(has.filter((part) => !text.includes(part))).toEqual([]);
    expect(lacks.filter((part) => text.includes(part))).toEqual([]);
  });

  test('starts the target that is called like the project, or the one asked for first', async () => {
    const files = {
      'shard.yml': 'name: app\ntargets:\n  worker:\n    main: src/worker.cr\n  app:\n    main: src/app.cr\n',
      'src/worker.cr': 'puts 2',
    };
    expect((await written(files)).text).toMatch(/for program in app worker; [\s\S]*"\/usr\/local\/bin\/app"/);
    expect((await written(files, { targets: ['worker'] })).text).toMatch(
      /for program in worker; [\s\S]*"\/usr\/local\/bin\/worker"/,
    );
  });

  test('warns of a missing lock file, and tells how to get one', async () => {
    const { notes } = await written({ 'shard.yml': `${SHARD}dependencies:\n  db:\n    github: a/db\n` });
    expect(notes).toEqual([expect.stringContaining('--target lock -o . .')]);
    expect((await written({})).notes).toEqual([]);
  });

  test('comes with an ignore file that keeps sources and leaves the rest', async () => {
    const rules = parseIgnore((await written({})).ignore);
    const ignored = (path: string): boolean => rules.match(path);
    expect(['src/app.cr', 'vendor/x/shard.yml', 'shard.yml', 'public/app.js'].filter(ignored)).toEqual([]);
    expect(
      ['.git', 'lib', 'bin', 'Dockerfile', 'lapidary.yml', 'spec'].filter((path) => !ignored(path)),
    ).toEqual([]);
  });
});

describe('a broken Crystal project', () => {
  const DEPENDENT = `${SHARD}dependencies:\n  db:\n    github: a/db\n`;
  test.each<{
    name: string;
    files: Readonly<Record<string, string>>;
    options?: RecipeOptions;
    message: RegExp;
    at?: string;
    hint?: RegExp;
  }>([
    {
      name: 'no YAML',
      files: { 'shard.yml': 'name: app\ntargets: [a\n' },
      message: /not YAML/,
      at: 'shard.yml:3:1',
    },
    { name: 'a list', files: { 'shard.yml': '- a\n' }, message: /names with values/, at: 'shard.yml:1:1' },
    { name: 'no name', files: { 'shard.yml': 'version: 1\n' }, message: /expected a name/ },
    {
      name: 'a name that is a path',
      files: { 'shard.yml': 'name: ../x\n' },
      message: /`name` is not/,
      at: 'shard.yml:1:7',
    },
    {
      name: 'a target without main',
      files: { 'shard.yml': 'name: app\ntargets:\n  app:\n    x: 1\n' },
      message: /`targets\.app` .* a `main`/,
      at: 'shard.yml:4:5',
    },
    {
      name: 'a main that is not there',
      files: { 'shard.yml': 'name: app\ntargets:\n  app:\n    main: src/no.cr\n' },
      message: /there is no "src\/no\.cr"/,
      at: 'shard.yml:4:11',
    },
    {
      name: 'a main outside of the project',
      files: { 'shard.yml': 'name: app\ntargets:\n  app:\n    main: ../no.cr\n' },
      message: /inside of the project/,
      at: 'shard.yml:4:11',
    },
    {
      name: 'a main that is a command',
      files: { 'shard.yml': 'name: app\ntargets:\n  app:\n    main: "a.cr; reboot"\n' },
      message: /without spaces/,
    },
    {
      name: 'no targets and no guess',
      files: { 'shard.yml': 'name: other\n' },
      message: /no targets, and there is no "src\/other\.cr"/,
      hint: /targets:/,
    },
    {
      name: 'a target that is not there',
      files: {},
      options: { targets: ['ap'] },
      message: /no target "ap"/,
      hint: /did you mean app/,
    },
    {
      name: 'a lock that is out of date',
      files: { 'shard.yml': DEPENDENT, 'shard.lock': 'version: 2.0\nshards: {}\n' },
      message: /has no "db"/,
      at: 'shard.yml:8:5',
      hint: /shards install/,
    },
    {
      name: 'a dependency outside of the project',
      files: { 'shard.yml': `${SHARD}dependencies:\n  x:\n    path: ../x\n` },
      message: /outside is not in the build context/,
      at: 'shard.yml:8:11',
    },
    {
      name: 'a compiler that Debian does not have',
      files: { 'shard.yml': `${SHARD}crystal: ">= 1.20"\n` },
      options: { toolchain: 'debian' },
      message: /a range with 1\.14\.0/,
      at: 'shard.yml:6:10',
      hint: /--toolchain official/,
    },
    {
      name: 'a range that is none',
      files: { 'shard.yml': `${SHARD}crystal: latest\n` },
      message: /a range of versions/,
      at: 'shard.yml:6:10',
    },
    {
      name: 'a setting that there is not',
      files: { 'lapidary.yml': 'expse: 80\n' },
      message: /`expse`/,
      at: 'lapidary.yml:1:8',
      hint: /did you mean expose/,
    },
    {
      name: 'a setting with another value',
      files: { 'lapidary.yml': 'link: both\n' },
      message: /static, dynamic/,
      at: 'lapidary.yml:1:7',
    },
    {
      name: 'a port that is an instruction',
      files: {},
      options: { expose: ['80\nRUN reboot'] },
      message: /not a port/,
    },
    {
      name: 'a package that is a flag',
      files: {},
      options: { packages: ['--allow-all'] },
      message: /not a package/,
    },
    {
      name: 'files outside of the project',
      files: {},
      options: { files: ['../secret'] },
      message: /not inside of the project/,
    },
  ])('$name', async ({ files, options = {}, message, at, hint }) => {
    const error = await written(files, options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PROJECT_INVALID',
      message: expect.stringMatching(message) as string,
    });
    const told = error instanceof LapidaryError ? error.render() : '';
    expect(told).toMatch(hint ?? /^error/);
    expect(told).toContain(at === undefined ? 'PROJECT_INVALID' : `--> ${at}\n`);
  });

  test('a folder without shard.yml is none', async () => {
    expect(await writeRecipe(projectOf({ 'main.go': '' }), {})).toBeUndefined();
  });
});
