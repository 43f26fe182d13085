import { spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { END, encodeHeader, padding, type TarMember } from '../../src/tar/index.ts';
import { finished, Workspace } from '../support/cli.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
});
afterAll(() => work[Symbol.asyncDispose]());

let count = 0;
/** A context of its own for one test. */
const context = (files: Readonly<Record<string, string | Uint8Array>>): Promise<string> =>
  work.files(`context-${count++}`, files);
type Step = { readonly title: string; readonly result: string };
/** Builds and tells what became of each step. */
async function steps(args: string[]): Promise<Step[]> {
  const { code, stderr } = await work.run(['build', '--progress', 'rawjson', ...args]);
  if (code !== 0) throw new Error(stderr);
  const events = stderr
    .split('\n')
    .filter(Boolean)
    .map(
      (line) =>
        JSON.parse(line) as {
          type: string;
          id?: number;
          result?: string;
          step?: { id: number; title: string };
        },
    );
  const titles = new Map(events.flatMap(({ step }) => (step ? [[step.id, step.title] as const] : [])));
  return events.flatMap(({ type, id, result }) =>
    type === 'step-end' ? [{ title: titles.get(id ?? 0) ?? '', result: result ?? '' }] : [],
  );
}
const inspect = async (name: string, format: string): Promise<string> =>
  (await work.ok(['inspect', '-f', format, name])).trim();
const run = (...args: string[]): Promise<string> => work.ok(['run', '--rm', ...args]);

describe('instructions', () => {
  test('a Dockerfile with everything that is executed gives the image it says', async () => {
    const dir = await context({
      Dockerfile: `# syntax=docker/dockerfile:1
ARG tag=latest
FROM base:\${tag} AS Build
ARG version
ENV MODE=\${version:-none} PATH=$PATH:/opt
WORKDIR /src
COPY --chown=app:extra --chmod=u=rwX,go= app ./app
RUN echo "$MODE $version" > out && id -u > uid
RUN <<EOF
echo one > here
echo two >> here
EOF
RUN <<'EOF'
#!/bin/busybox sh
echo "$0" > interpreter
EOF
USER app
RUN ["/bin/sh", "-c", "id -un > /tmp/who && id -Gn >> /tmp/who"]
FROM base
COPY --from=build /src /src
COPY --from=0 /tmp/who /who
ADD archive.tgz /opt/
EXPOSE 3000 53/udp
LABEL a="b c"
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s CMD wget -q localhost
ENTRYPOINT ["/bin/cat"]
CMD ["/src/out", "/who"]
`,
      'app/one': '1',
      'archive.tgz': gzipSync(archive(['etc/inside', 'archived'])),
    });
    await work.ok(['build', '-t', 'all', '--build-arg', 'version=7', dir]);
    expect(await run('all')).toBe('7 7\napp\napp extra\n');
    expect(await run('--entrypoint', '/bin/stat', 'all', '-c', '%U:%G %a', '/src/app', '/src/app/one')).toBe(
      'app:extra 755\napp:extra 600\n',
    );
    expect(await run('all', '/src/here', '/src/interpreter', '/opt/etc/inside', '/src/uid')).toBe(
      'one\ntwo\n/dev/pipes/EOF\narchived0\n',
    );
    const config = JSON.parse(await inspect('all', '{{json .Config}}')) as Record<string, unknown>;
    expect(config).toMatchObject({
      ExposedPorts: { '3000/tcp': {}, '53/udp': {} },
      Labels: { a: 'b c' },
      Volumes: { '/data': {} },
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD-SHELL', 'wget -q localhost'], Interval: 10_000_000_000 },
      Entrypoint: ['/bin/cat'],
    });
  });

  test('a step leaves nothing of the sandbox in its layer', async () => {
    const dir = await context({
      Dockerfile: 'FROM base\nRUN ls -a /etc / > /tmp/seen && cat /etc/resolv.conf /etc/hosts > /dev/null',
    });
    await work.ok(['build', '-t', 'clean', dir]);
    const tar = await work.run(['build', '-q', '-o', '-', dir]);
    const names = (await finishedTar(Buffer.from(tar.stdout, 'latin1'))).sort();
    expect(names.filter((name) => /resolv|hosts|proc|sys$|dev/.test(name))).toEqual([]);
  });

  test('the stages that the target does not reach are not built', async () => {
    const dir = await context({
      Dockerfile: 'FROM base AS broken\nRUN false\nFROM base AS good\nRUN true\nFROM broken',
    });
    expect(await steps(['--target', 'good', dir])).toEqual([{ title: 'RUN true', result: 'done' }]);
  });

  test('.dockerignore, and the one beside the Dockerfile before it', async () => {
    const dir = await context({
      Dockerfile: 'FROM base\nCOPY . /c\nRUN find /c -type f | sort > /list',
      '.dockerignore': '*.md\n',
      'a.md': '',
      'b.txt': '',
      'other.Dockerfile': 'FROM base\nCOPY . /c\nRUN find /c -type f | sort > /list',
      'other.Dockerfile.dockerignore': '*.txt\n*ockerfile*\n',
    });
    await work.ok(['build', '-t', 'ignore', dir]);
    expect(await run('ignore', 'cat', '/list')).toBe(
      '/c/.dockerignore\n/c/Dockerfile\n/c/b.txt\n/c/other.Dockerfile\n/c/other.Dockerfile.dockerignore\n',
    );
    await work.ok(['build', '-t', 'ignore', '-f', `${dir}/other.Dockerfile`, dir]);
    expect(await run('ignore', 'cat', '/list')).toBe('/c/.dockerignore\n/c/a.md\n');
  });

  test('named contexts: a directory, and a layout instead of a base', async () => {
    const dir = await context({
      Dockerfile: 'FROM nowhere\nCOPY --from=conf a /from-context',
      'conf/a': 'in the context',
    });
    await work.ok([
      'build',
      '-o',
      `type=oci,tar=false,dest=${work.path('layout')}`,
      await context({ Dockerfile: 'FROM base' }),
    ]);
    await work.ok([
      'build',
      '-t',
      'named',
      '--build-context',
      `nowhere=oci-layout://${work.path('layout')}`,
      '--build-context',
      `conf=${dir}/conf`,
      dir,
    ]);
    expect(await run('named', 'cat', '/from-context')).toBe('in the context');
  });

  test('a layer of a layout that was unpacked for one step is not read again for another', async () => {
    const dest = work.path('once');
    await work.ok([
      'build',
      '-o',
      `type=oci,tar=false,dest=${dest}`,
      await context({ Dockerfile: 'FROM base' }),
    ]);
    await using other = await Workspace.create();
    const dir = await other.files('app', { Dockerfile: 'FROM nowhere\nRUN true' });
    for (const _ of ['first', 'second']) {
      await other.ok(['build', '--no-cache', '--build-context', `nowhere=oci-layout://${dest}`, dir]);
      // Contents are in trees; what was read into a pack would be here
      expect(await readdir(join(other.store, 'packs'))).toEqual([]);
    }
  });
});

describe('the cache', () => {
  const Dockerfile =
    'FROM base AS build\nCOPY deps /deps\nRUN cat /deps > /installed\nCOPY src /src\nRUN cat /src/* > /product\nFROM base\nCOPY --from=build /product /product\nCMD ["cat", "/product"]';
  const files = { Dockerfile, deps: 'd', 'src/a': 'a', 'src/b': 'b', 'README.md': '1' };

  test('an unchanged build runs no step; a changed file only what reads it', async () => {
    const dir = await context(files);
    const first = await steps(['-t', 'cached', dir]);
    expect(first.map((step) => step.result)).toEqual(Array.from({ length: 5 }, () => 'done'));
    const id = await inspect('cached', '{{.Id}}');
    expect((await steps(['-t', 'cached', dir])).every((step) => step.result === 'hit')).toBe(true);
    expect(await inspect('cached', '{{.Id}}')).toBe(id);
    await writeFile(`${dir}/README.md`, '2');
    expect((await steps([dir])).every((step) => step.result === 'hit')).toBe(true);
    await writeFile(`${dir}/src/a`, 'A');
    const changed = await steps(['-t', 'cached', dir]);
    expect(changed.filter((step) => step.result === 'hit').map((step) => step.title)).toEqual([
      'COPY deps /deps',
      'RUN cat /deps > /installed',
    ]);
    expect(await run('cached')).toBe('Ab');
  });

  test('times of files do not count, modes do', async () => {
    const dir = await context(files);
    await steps([dir]);
    await writeFile(`${dir}/deps`, 'd');
    expect((await steps([dir])).every((step) => step.result === 'hit')).toBe(true);
    await chmod(`${dir}/deps`, 0o600);
    expect((await steps([dir]))[0]).toEqual({ title: 'COPY deps /deps', result: 'done' });
  });

  test('a stage that is rebuilt to the same bytes invalidates nothing behind it', async () => {
    const dir = await context({
      Dockerfile:
        'FROM base AS a\nCOPY note /note\nRUN echo same > /out\nFROM base\nCOPY --from=a /out /out\nRUN cat /out > /copy',
      note: '1',
    });
    await steps([dir]);
    await writeFile(`${dir}/note`, '2');
    expect(await steps([dir])).toEqual([
      { title: 'COPY note /note', result: 'done' },
      { title: 'RUN echo same > /out', result: 'done' },
      { title: 'COPY --from=a /out /out', result: 'hit' },
      { title: 'RUN cat /out > /copy', result: 'hit' },
    ]);
  });

  test('--no-cache runs everything; a failed step is not remembered', async () => {
    const dir = await context({
      Dockerfile: 'FROM base\nCOPY ok /ok\nRUN test "$(cat /ok)" = yes',
      ok: 'no',
    });
    expect((await work.run(['build', dir])).code).toBe(1);
    expect((await work.run(['build', dir])).code).toBe(1);
    await writeFile(`${dir}/ok`, 'yes');
    expect((await steps([dir])).map((step) => step.result)).toEqual(['done', 'done']);
    expect((await steps(['--no-cache', dir])).map((step) => step.result)).toEqual(['done', 'done']);
  });
});

describe('the same inputs give the same bytes', () => {
  test('with empty stores and a fixed time', async () => {
    const dir = await context({
      Dockerfile: 'FROM scratch\nCOPY a b /d/\nADD x.tar /x/\nWORKDIR /w\nCOPY <<f /h\ntext\nf\nCMD ["/d/a"]',
      a: 'a',
      b: 'b',
      'x.tar': archive(['f', 'archived']),
    });
    const ids: string[] = [];
    for (const name of ['one', 'two']) {
      const store = work.path(`store-${name}`);
      await writeFile(`${dir}/a`, 'a'); // another time
      await work.ok(['build', '-t', 'same', '-o', `type=oci,dest=${work.path(name)}.tar`, dir], {
        env: { LAPIDARY_STORE: store, SOURCE_DATE_EPOCH: '1700000000' },
      });
      ids.push(
        await work.ok(['inspect', '-f', '{{.Id}} {{.Created}}', 'same'], { env: { LAPIDARY_STORE: store } }),
      );
    }
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toContain('2023-11-14T22:13:20Z');
    expect((await readFile(work.path('one.tar'))).equals(await readFile(work.path('two.tar')))).toBe(true);
  });
});

describe('without privileges', () => {
  test('nobody builds FROM, COPY, ADD and metadata with mounts, namespaces and programs forbidden', async () => {
    const dir = await context({
      Dockerfile: 'FROM base\nCOPY a /a\nADD x.tgz /x/\nWORKDIR /w\nENV a=b\nUSER app\nCMD ["/bin/sh"]\n',
      a: 'a',
      'x.tgz': gzipSync(archive(['f', 'archived'])),
    });
    const layout = work.path('base-layout');
    await work.ok([
      'build',
      '-o',
      `type=oci,tar=false,dest=${layout}`,
      await context({ Dockerfile: 'FROM base' }),
    ]);
    await work.ok(['build', '-t', 'privileged', '--source-date-epoch', '1700000000', dir]);
    const place = work.path('nobody');
    await mkdir(place);
    await chmod(place, 0o777);
    await chmod(work.dir, 0o755);
    const script = fileURLToPath(new URL('../support/unprivileged-build.ts', import.meta.url));
    const child = spawn(process.execPath, [script, dir, `${place}/store`, layout], { env: { PATH: '' } });
    const { code, stdout, stderr } = await finished(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // Root becomes nobody; who is not root is no less restricted
    expect(stdout).toBe(
      `${isRoot ? NOBODY : process.getuid?.()} ${await inspect('privileged', '{{.Id}}')}\n`,
    );
  });
});

describe('bad input', () => {
  const big = 'x'.repeat(10);
  test.for<{ name: string; files: Record<string, string | Uint8Array>; args?: string[]; want: string[] }>([
    { name: 'no Dockerfile', files: { a: '' }, want: ['DOCKERFILE_NOT_FOUND', 'name it with -f'] },
    {
      name: 'an unknown instruction',
      files: { Dockerfile: 'FROM base\nCOYP a b' },
      want: ['Dockerfile:2:1', 'did you mean COPY?'],
    },
    {
      name: 'an unknown flag',
      files: { Dockerfile: 'FROM base\nCOPY --form=x a b' },
      want: ['Dockerfile:2:6', 'did you mean --from?'],
    },
    {
      name: 'a flag that is not executed yet',
      files: { Dockerfile: 'FROM base\nRUN --device=vendor.com/gpu true' },
      want: ['DOCKERFILE_UNSUPPORTED', 'Dockerfile:2:'],
    },
    {
      name: 'a missing base',
      files: { Dockerfile: 'FROM nowhere:1' },
      args: ['--pull=never'],
      want: ['IMAGE_NOT_FOUND', 'Dockerfile:1:6', 'local store', 'the registry docker.io', 'named contexts'],
    },
    {
      name: 'a missing stage',
      files: { Dockerfile: 'FROM base AS build\nFROM base\nCOPY --from=biuld a /' },
      args: ['--pull=never'],
      want: ['Dockerfile:3:13', 'did you mean the stage build?'],
    },
    {
      name: 'stages in a cycle',
      files: { Dockerfile: 'FROM b AS a\nFROM a AS b' },
      want: ['stage b stands later', 'Dockerfile:1:6'],
    },
    {
      name: 'a stage that copies from itself',
      files: { Dockerfile: 'FROM base AS a\nCOPY --from=a x /' },
      want: ['copies from itself', 'Dockerfile:2:13'],
    },
    {
      name: 'an unknown target',
      files: { Dockerfile: 'FROM base AS build' },
      args: ['--target', 'bild'],
      want: ['TARGET_NOT_FOUND', 'did you mean build?'],
    },
    {
      name: 'COPY of nothing',
      files: { Dockerfile: 'FROM base\nCOPY rdme.md /', 'readme.md': '' },
      want: ['COPY_NOTHING', 'Dockerfile:2:6', 'did you mean readme.md?'],
    },
    {
      name: 'COPY of an ignored file',
      files: { Dockerfile: 'FROM base\nCOPY a /', a: '', '.dockerignore': 'a' },
      want: ['COPY_NOTHING', '.dockerignore'],
    },
    {
      name: 'COPY --from of nothing',
      files: { Dockerfile: 'FROM base AS x\nFROM base\nCOPY --from=x /nope /' },
      want: ['COPY_NOTHING', 'Dockerfile:3:15'],
    },
    {
      name: 'a destination that is a file',
      files: { Dockerfile: 'FROM base\nCOPY a /etc/passwd/', a: '' },
      want: ['COPY_CONFLICT', 'Dockerfile:2:1'],
    },
    {
      name: 'a directory onto a file',
      files: { Dockerfile: 'FROM base\nCOPY d /etc/passwd', 'd/a': '' },
      want: ['COPY_CONFLICT', 'is a file in the image'],
    },
    {
      name: 'an archive with a path that leads out',
      files: { Dockerfile: 'FROM base\nADD x.tar /', 'x.tar': archive(['../../evil', big]) },
      want: ['TAR_INVALID', '../../evil', 'Dockerfile:2:1'],
    },
    {
      name: 'an archive with a hard link that leads out',
      files: {
        Dockerfile: 'FROM base\nADD x.tar /',
        'x.tar': archive(['l', '', { type: 'hardlink', link: '../../etc/passwd' }]),
      },
      want: ['TAR_INVALID'],
    },
    {
      name: 'a user that is not in the image',
      files: { Dockerfile: 'FROM base\nUSER ap\nRUN true' },
      want: ['USER_NOT_FOUND', 'did you mean app?', 'Dockerfile:3:1'],
    },
    {
      name: 'a comment behind EXPOSE',
      files: { Dockerfile: 'FROM base\nEXPOSE 3000 # Or another' },
      want: ['Dockerfile:2:13', 'a comment needs a line of its own'],
    },
    {
      name: 'a failing command',
      files: { Dockerfile: 'FROM base\nRUN echo out && echo err >&2 && exit 3' },
      want: ['RUN_FAILED', 'Dockerfile:2:1', 'exited with code 3', 'out', 'err', 'exit 3'],
    },
    {
      name: 'a program that is not there',
      files: { Dockerfile: 'FROM base\nRUN ["/nope"]' },
      want: ['RUN_FAILED', '/nope'],
    },
    {
      name: 'several mistakes at once',
      files: { Dockerfile: 'FROM base\nCOYP a b\nRUN --mnt=x y' },
      want: ['Dockerfile:2:1', 'Dockerfile:3:5'],
    },
    {
      name: 'a bad tag',
      files: { Dockerfile: 'FROM base' },
      args: ['-t', 'x/UPPER'],
      want: ['REFERENCE_INVALID'],
    },
  ])('$name', async ({ files, args = [], want }) => {
    const before = await work.ok(['images', '--json']);
    const { code, stderr } = await work.run(['build', '--progress', 'plain', ...args, await context(files)]);
    for (const piece of want) expect(stderr).toContain(piece);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await work.ok(['images', '--json'])).toBe(before);
  });

  test('a build context that does not exist', async () => {
    const { code, stderr } = await work.run(['build', work.path('nowhere')]);
    expect(code).toBe(1);
    expect(stderr).toContain('CONTEXT_UNREADABLE');
    expect(stderr).toContain('does not exist');
  });

  test('a malformed list is warned about and still built', async () => {
    const dir = await context({ Dockerfile: 'FROM base\nENTRYPOINT ["/usr/bin/tini", "--", "/app"' });
    const { code, stderr } = await work.run(['build', '--progress', 'plain', dir]);
    expect(code).toBe(0);
    expect(stderr).toContain('close the list with ]');
  });

  test('an unreadable context file names the file', async () => {
    const dir = await context({ Dockerfile: 'FROM scratch\nCOPY . /', secret: 'x' });
    await chmod(`${dir}/secret`, 0o000);
    const place = work.path('reader');
    await mkdir(place);
    await chmod(place, 0o777);
    await chmod(work.dir, 0o755);
    const script = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
    const child = spawn(process.execPath, [script, 'build', '--store', `${place}/store`, dir], {
      ...(isRoot && { uid: NOBODY, gid: NOBODY }),
    });
    const { code, stderr } = await finished(child);
    expect(code).toBe(1);
    expect(stderr).toContain('CONTEXT_UNREADABLE');
    expect(stderr).toContain('secret');
    expect(stderr).toContain('exclude it in .dockerignore');
  });
});

/** A tar of files given by path and text. */
function archive(...members: [string, string, Partial<TarMember>?][]): Buffer {
  const parts = members.map(([path, text, more]) => {
    const data = Buffer.from(text);
    const header = encodeHeader({
      path,
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      mtimeNs: 0,
      size: data.length,
      ...more,
    });
    return Buffer.concat([header, data, Buffer.alloc(padding(data.length))]);
  });
  return Buffer.concat([...parts, END]);
}

/** The names in a tar, by GNU tar. */
async function finishedTar(bytes: Buffer): Promise<string[]> {
  const child = spawn('tar', ['-tf', '-']);
  child.stdin.end(bytes);
  return (await finished(child)).stdout.split('\n').filter(Boolean);
}

describe('two builds at once', () => {
  test('of the same Dockerfile on one empty store both succeed and give the same image', async () => {
    const dir = await context({
      Dockerfile:
        'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nRUN ["/bin/busybox", "mkdir", "/made"]\nCOPY big /big\nRUN ["/bin/busybox", "cp", "/big", "/copy"]\n',
      busybox: await readFile('/bin/busybox'),
      big: 'x'.repeat(5_000_000),
    });
    const store = work.path('shared-store');
    const build = (name: string): Promise<string> =>
      work.ok([
        'build',
        '-t',
        name,
        '-o',
        `type=tar,dest=${work.path(name)}.tar`,
        '--source-date-epoch',
        '1',
        '--store',
        store,
        dir,
      ]);
    await Promise.all(['a', 'b', 'c'].map(build));
    const ids = await Promise.all(
      ['a', 'b', 'c'].map((name) => work.ok(['inspect', '--store', store, '-f', '{{.RootFS.Layers}}', name])),
    );
    expect(new Set(ids).size).toBe(1);
    expect(await readdir(`${store}/work`)).toEqual([]);
  });
});
