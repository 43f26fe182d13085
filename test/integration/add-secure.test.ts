import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';
import { git, publish } from '../support/git-server.ts';
import { TestAuthority } from '../support/registry/certificates.ts';
import { SshServer } from '../support/ssh-server.ts';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.files('context', { file: 'x' });
});
afterAll(() => work[Symbol.asyncDispose]());

/** The names at the top of what a build writes to a directory. */
async function built(
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string[]> {
  const out = work.path(`out-${process.hrtime.bigint()}`);
  await work.ok(['build', '--no-cache', '-o', out, ...args], options);
  return (await readdir(out)).sort();
}

describe('a repository behind a real ssh server', () => {
  let server: SshServer;
  let repository: string;
  beforeAll(async () => {
    server = await SshServer.start(work.path('sshd'));
    const tree = await work.files('project', {
      Dockerfile: 'FROM scratch\nCOPY one /copied\n',
      one: '1',
      'sub/two': '2',
    });
    git(tree, 'init', '-q');
    git(tree, 'add', '.');
    git(tree, 'commit', '-qm', 'first');
    git(tree, 'tag', 'v1');
    await mkdir(work.path('repositories'));
    publish(tree, work.path('repositories'), 'project.git');
    repository = server.url(work.path('repositories/project.git'));
    await mkdir(work.path('.ssh'), { mode: 0o700 });
    await writeFile(work.path('.ssh/known_hosts'), server.knownHost);
  });
  afterAll(() => server[Symbol.dispose]());

  const add = (source: string): { readonly input: string } => ({
    input: `FROM scratch\nADD ${source} /\n`,
  });

  test('is the build context, by a key', async () => {
    expect(await built(['--ssh', `default=${server.key}`, `${repository}#v1`])).toEqual(['copied']);
  });

  test('is a source of ADD, by a key', async () => {
    const args = ['--ssh', `default=${server.key}`, '-f', '-', work.path('context')];
    expect(await built(args, add(`${repository}#main:sub`))).toEqual(['two']);
  });

  test('is a named context, by an agent that holds the key', async () => {
    const socket = work.path('agent');
    const agent = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1]);
    try {
      execFileSync('ssh-add', ['-q', server.key], { env: { SSH_AUTH_SOCK: socket } });
      const args = ['--ssh', `default=${socket}`, '--build-context', `src=${repository}`, '-f', '-'];
      const input = 'FROM scratch\nCOPY --from=src sub /\n';
      expect(await built([...args, work.path('context')], { input })).toEqual(['two']);
    } finally {
      process.kill(pid);
    }
  });

  test('lets nobody in without a key, and that is told', async () => {
    const { code, stderr } = await work.run(['build', '-f', '-', work.path('context')], add(repository));
    expect([code, stderr]).toEqual([1, expect.stringContaining('Permission denied (publickey)')]);
    expect(stderr).toContain('hint: build with --ssh default');
  });

  test('is not spoken to when its key is another one', async () => {
    const [host = ''] = server.knownHost.split(' ');
    const other = (await readFile(`${server.key}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(work.path('.ssh/known_hosts'), `${host} ${other}\n`);
    const args = ['build', '--ssh', `default=${server.key}`, '-f', '-', work.path('context')];
    const { code, stderr } = await work.run(args, add(repository));
    expect([code, stderr]).toEqual([1, expect.stringContaining('Host key verification failed')]);
    expect(stderr).toContain('known_hosts');
  });
});

describe('https with an authority of one’s own', () => {
  const authority = new TestAuthority();
  afterAll(() => authority[Symbol.dispose]());

  test('is trusted where the machine trusts it, and nowhere else', async () => {
    const server = createServer(authority.issue('localhost'), (_request, response) => response.end('served'));
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    try {
      const url = `https://localhost:${(server.address() as AddressInfo).port}/name`;
      const input = `FROM scratch\nADD ${url} /\n`;
      const args = ['-f', '-', work.path('context')];
      const { code, stderr } = await work.run(['build', ...args], { input });
      expect([code, stderr]).toEqual([1, expect.stringContaining('error[FETCH_FAILED]')]);
      expect(stderr).toMatch(/certificate/);
      await writeFile(work.path('ca.pem'), authority.cert);
      for (const name of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])
        expect(await built(args, { input, env: { [name]: work.path('ca.pem') } })).toEqual(['name']);
    } finally {
      server.close();
    }
  });
});
