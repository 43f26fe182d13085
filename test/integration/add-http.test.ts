import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SecretSource } from '../../src/build/index.ts';
import { type Built, builtTree } from '../support/built-tree.ts';
import { Workspace } from '../support/cli.ts';
import { HttpServer } from '../support/http-server.ts';
import { makeTar } from '../support/make-tar.ts';

let work: Workspace;
let server: HttpServer;
let proxy: HttpServer;
let context: string;
let answer: RequestListener;

beforeAll(async () => {
  work = await Workspace.create();
  context = await work.files('context', { file: 'x' });
  server = await HttpServer.start((request, response) => answer(request, response));
  proxy = await HttpServer.start((request, response) => response.end(`by proxy: ${request.url}`));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await work[Symbol.asyncDispose]();
});
beforeEach(() => {
  server.requests.length = 0;
  answer = (_, response) => response.end('hello');
});

const digest = (text: string, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;

let count = 0;
/** A path that no other test asks for, so that nothing is known of it. */
const fresh = (path: string): string => server.url(`/${count++}${path}`);

const build = (lines: string, options?: Parameters<typeof builtTree>[2]): Promise<Built> =>
  builtTree(
    work.store,
    {
      context: { type: 'directory', path: context },
      dockerfile: { type: 'text', name: 'Dockerfile', text: `FROM scratch\n${lines}\n` },
    },
    options,
  );
const paths = ({ tree }: Built): string[] =>
  [...tree.walk()].map(({ path }) => path).filter((path) => path !== '');

const archive = (): Uint8Array => gzipSync(makeTar([{ path: 'in', data: 'inside' }]));

describe('ADD of a URL', () => {
  test.for<{ name: string; path: string; to: string; want: string[] }>([
    { name: 'into a directory, by the last name', path: '/a/f.txt?v=1#x', to: '/d/', want: ['d', 'd/f.txt'] },
    { name: 'to a name', path: '/f.txt', to: '/d/g', want: ['d', 'd/g'] },
    { name: 'an escaped name', path: '/a%20b', to: '/', want: ['a b'] },
    { name: 'the name before a slash', path: '/dir/', to: '/', want: ['dir'] },
  ])('$name', async ({ path, to, want }) => {
    expect(paths(await build(`ADD ${fresh(path)} ${to}`))).toEqual(want);
  });

  test('a URL without a name, as BuildKit calls it', async () => {
    expect(paths(await build(`ADD ${server.url('/')} /d/`))).toEqual(['d', 'd/__unnamed__']);
  });

  test('mode, owner and time', async () => {
    answer = (_, response) => {
      response.setHeader('last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT');
      response.end('x');
    };
    const { tree } = await build(`ADD ${fresh('/f')} /f\nADD --chmod=640 --chown=3:4 ${fresh('/f')} /g`);
    expect(tree.get('f')?.inode).toMatchObject({
      mode: 0o600,
      uid: 0,
      gid: 0,
      mtime: 1_577_836_800,
      size: 1,
    });
    expect(tree.get('g')?.inode).toMatchObject({ mode: 0o640, uid: 3, gid: 4 });
  });

  test('a file that the server says is unchanged is not fetched again', async () => {
    const bodies: string[] = [];
    answer = (request, response) => {
      const known = request.headers['if-none-match'] === '"1"';
      response.writeHead(known ? 304 : 200, { etag: '"1"' });
      bodies.push(known ? 'none' : 'whole');
      response.end(known ? undefined : 'hello');
    };
    const url = fresh('/f');
    expect((await build(`ADD ${url} /f`)).results).toEqual(['done']);
    expect((await build(`ADD ${url} /f`)).results).toEqual(['hit']);
    const other = await build(`ADD ${url} /other`);
    expect(await other.text('other')).toBe('hello');
    expect(bodies).toEqual(['whole', 'none', 'none']);
  });

  test('a file that changed is fetched, also when its server knows no tags', async () => {
    const url = fresh('/f');
    await build(`ADD ${url} /f`);
    expect((await build(`ADD ${url} /f`)).results).toEqual(['hit']);
    answer = (_, response) => response.end('changed');
    const changed = await build(`ADD ${url} /f`);
    expect(changed.results).toEqual(['done']);
    expect(await changed.text('f')).toBe('changed');
  });

  test('a checksum that was seen needs no server', async () => {
    const line = `ADD --checksum=${digest('hello')} ${fresh('/f')} /f`;
    expect((await build(line)).results).toEqual(['done']);
    expect(server.requests).toHaveLength(1);
    expect((await build(line)).results).toEqual(['hit']);
    expect(server.requests).toHaveLength(1);
  });

  test('other algorithms are verified too', async () => {
    await build(`ADD --checksum=${digest('hello', 'sha512')} ${fresh('/f')} /f`);
    await expect(
      build(`ADD --checksum=${digest('other', 'sha512')} ${fresh('/f')} /f`),
    ).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  test('an archive stays one, unless --unpack', async () => {
    answer = (_, response) => response.end(archive());
    expect(paths(await build(`ADD ${fresh('/a.tgz')} /d/`))).toEqual(['d', 'd/a.tgz']);
    expect(paths(await build(`ADD --unpack ${fresh('/a.tgz')} /d/`))).toEqual(['d', 'd/in']);
  });

  test('how the server packs it for the way is not in the file', async () => {
    answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync('hello'));
    };
    expect(await (await build(`ADD ${fresh('/f')} /f`)).text('f')).toBe('hello');
  });

  test('local files and URLs keep their order', async () => {
    answer = (_, response) => response.end('remote');
    const url = fresh('/file');
    expect(await (await build(`ADD file ${url} /d/`)).text('d/file')).toBe('remote');
    expect(await (await build(`ADD ${url} file /d/`)).text('d/file')).toBe('x');
  });

  test('redirects are followed, without the password of the first host', async () => {
    answer = (request, response) => {
      if (request.url?.endsWith('/to')) response.end(request.headers.authorization ?? 'no password');
      else response.writeHead(302, { location: fresh('/to').replace('127.0.0.1', 'localhost') }).end();
    };
    const url = fresh('/from').replace('://', '://me:secret@');
    expect(await (await build(`ADD ${url} /f`)).text('f')).toBe('no password');
    expect(server.requests[0]?.headers.authorization).toMatch(/^Basic /);
  });

  test('a server that is busy is asked again', async () => {
    let asked = 0;
    answer = (_, response) => response.writeHead(asked++ === 0 ? 503 : 200).end('at last');
    expect(await (await build(`ADD ${fresh('/f')} /f`)).text('f')).toBe('at last');
  });

  test('a secret for the host is sent to it, and nowhere else', async () => {
    const value = (text: string): SecretSource => ({ type: 'value', value: Buffer.from(text) });
    const secrets = new Map([['HTTP_AUTH_TOKEN_127.0.0.1', value('s3cret\n')]]);
    answer = (request, response) => response.end(`given: ${request.headers.authorization ?? 'nothing'}`);
    expect(await (await build(`ADD ${fresh('/f')} /f`, { secrets })).text('f')).toBe('given: Bearer s3cret');
    const other = fresh('/f').replace('127.0.0.1', 'localhost');
    expect(await (await build(`ADD ${other} /f`, { secrets })).text('f')).toBe('given: nothing');
  });

  test('the proxy is asked', async () => {
    const built = await build('ADD http://example.invalid/f /f', { proxy: { HTTP_PROXY: proxy.url('') } });
    expect(await built.text('f')).toBe('by proxy: http://example.invalid/f');
  });
});

describe('an error', () => {
  const loop: RequestListener = (_, response) => response.writeHead(302, { location: '/again' }).end();
  const cut: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('short', () => response.destroy());
  };
  test.for<{ name: string; line: () => string; how?: RequestListener; code: string; message: RegExp }>([
    {
      name: 'no such file',
      line: () => `ADD ${fresh('/f')} /f`,
      how: (_, response) => response.writeHead(404).end(),
      code: 'FETCH_FAILED',
      message: /the server answered 404/,
    },
    {
      name: 'a circle',
      line: () => `ADD ${fresh('/f')} /f`,
      how: loop,
      code: 'FETCH_FAILED',
      message: /10 redirects/,
    },
    {
      name: 'a redirect to a file',
      line: () => `ADD ${fresh('/f')} /f`,
      how: (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      code: 'FETCH_FAILED',
      message: /no http or https URL/,
    },
    {
      name: 'an end too early',
      line: () => `ADD ${fresh('/f')} /f`,
      how: cut,
      code: 'FETCH_FAILED',
      message: /aborted/,
    },
    {
      name: 'another digest',
      line: () => `ADD --checksum=${digest('other')} ${fresh('/f')} /f`,
      code: 'DIGEST_MISMATCH',
      message: /has the digest/,
    },
    {
      name: 'a checksum that is none',
      line: () => `ADD --checksum=sha256:12 ${fresh('/f')} /f`,
      code: 'DOCKERFILE_BAD_FLAG',
      message: /--checksum cannot be/,
    },
    {
      name: 'a checksum of a file of the context',
      line: () => `ADD --checksum=${digest('x')} file /f`,
      code: 'DOCKERFILE_BAD_FLAG',
      message: /http\(s\) and git sources/,
    },
    {
      name: 'COPY of a URL',
      line: () => `COPY ${fresh('/f')} /f`,
      code: 'DOCKERFILE_UNSUPPORTED',
      message: /COPY cannot take the URL/,
    },
  ])('$name', async ({ line, how, code, message }) => {
    if (how) answer = how;
    await expect(build(line())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});
