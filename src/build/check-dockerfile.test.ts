import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { build } from './build.ts';
import type { CheckReport } from './check-dockerfile.ts';
import { checkBuild } from './check-surroundings.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-check-'));
  await mkdir(join(root, 'context'));
});
afterEach(() => rm(root, { recursive: true }));

const dockerfile = (): string => join(root, 'context/Dockerfile');
const request = (more: object = {}): Parameters<typeof build>[0] => ({
  context: { type: 'directory', path: join(root, 'context') },
  ...more,
});
async function check(
  text: string,
  { fix = false, ...more }: { fix?: boolean; target?: string } = {},
): Promise<CheckReport> {
  await writeFile(dockerfile(), text);
  return checkBuild(request(more), { store: join(root, 'store'), fix });
}
const names = ({ findings }: CheckReport): string[] => findings.map(({ rule }) => rule.name);

describe('checkBuild', () => {
  test('looks at what a COPY really selects', async () => {
    await mkdir(join(root, 'context/app'));
    for (const name of ['app/id_rsa', 'app/main', '.npmrc', 'server.pem'])
      await writeFile(join(root, 'context', name), '');
    await writeFile(join(root, 'context/.dockerignore'), 'server.pem\n');
    const text = 'FROM scratch\nCOPY app /app\nCOPY --exclude=.npmrc . /\nCOPY server.pem /\n';
    const report = await check(text);
    expect(names(report)).toEqual(['SecretFileCopied', 'SecretFileCopied', 'CopyIgnoredFile']);
    expect(report.findings[0]?.finding.message).toContain('id_rsa');
    expect(report.failures).toEqual([]);
  });

  test('knows keys and credentials by what is in them', async () => {
    await mkdir(join(root, 'context/testdata'));
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nxyz\n';
    const files: Record<string, string> = {
      deploy: key,
      'testdata/sample': key,
      public: '-----BEGIN PUBLIC KEY-----\nxyz\n',
      text: 'about -----BEGIN PRIVATE KEY-----\n',
      aws: `[default]\naws_secret_access_key = ${'x'.repeat(40)}\n`,
      large: `${key}${'x'.repeat(100_000)}`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, 'context', name), text);
    const { findings } = await check('FROM scratch\nCOPY . /\n');
    expect(findings.map(({ finding }) => finding.message)).toEqual([
      'COPY puts what looks like a secret into the image: aws, deploy',
    ]);
  });

  test('tells what would make a build fail, in all stages or those of the target', async () => {
    const text =
      'FROM scratch AS a\nEXPOSE x\nFROM unknown AS b\nFROM scratch\nSTOPSIGNAL y\nCOPY --from=late / /\nFROM scratch AS late\n';
    const all = await check(text);
    expect(all.failures.map(({ message }) => message)).toEqual([
      'not a port: "x"',
      'not a signal: "y"',
      'stage late comes later in the file than its use',
    ]);
    expect((await check(text, { target: 'a' })).failures).toHaveLength(1);
    expect((await check(text, { target: 'b' })).failures).toHaveLength(0);
  });

  test('tells what is no Dockerfile', async () => {
    const report = await check('FROM scratch\nRNU x\nCOPY y\n');
    expect(report.failures).toHaveLength(2);
    expect(report.findings).toEqual([]);
  });

  test('tells what it found before something that is no instruction', async () => {
    const report = await check('FROM scratch AS Bad\nMAINTAINER me\nBADCMD\nMAINTAINER you\n');
    expect(names(report)).toEqual(['StageNameCasing', 'MaintainerDeprecated']);
    expect(report.failures).toHaveLength(1);
  });

  test('repairs the file, and says so', async () => {
    const report = await check('FROM scratch AS Build\nenv a b\nCMD x\n', { fix: true });
    expect(await readFile(dockerfile(), 'utf8')).toBe('FROM scratch AS build\nENV a=b\nCMD x\n');
    expect(report.fixed).toHaveLength(3);
    expect(report.fixed[0]).toBe("Dockerfile:1 StageNameCasing: Stage name 'Build' should be lowercase");
    expect(names(report)).toEqual(['JSONArgsRecommended']);
  });

  test('a text that is no file cannot be repaired', async () => {
    const text = { type: 'text', text: 'FROM scratch AS Build\n', name: 'stdin' };
    const repair = checkBuild(request({ dockerfile: text }), { store: join(root, 'store'), fix: true });
    await expect(repair).rejects.toThrow('cannot be repaired');
  });
});

describe('a build', () => {
  const warnings = async (text: string): Promise<string[]> => {
    await writeFile(dockerfile(), text);
    const told: string[] = [];
    await build(request(), {
      store: join(root, 'store'),
      onEvent: (event) => (event.type === 'warning' ? told.push(event.message) : 0),
    });
    return told;
  };

  test('warns of what its stages have, under the names of the rules', async () => {
    expect(await warnings('FROM scratch AS unused\nENV a=$b\nFROM scratch\nENV c=$d\n')).toEqual([
      "UndefinedVar: Usage of undefined variable '$d'",
    ]);
  });

  test('fails where the Dockerfile says that it should', async () => {
    await expect(warnings('# check=error=true\nFROM scratch\nENV c=$d\n')).rejects.toMatchObject({
      code: 'CHECKS_FAILED',
      message: 'checks do not hold: UndefinedVar',
    });
    expect(await warnings('# check=error=true;skip=UndefinedVar\nFROM scratch\nENV c=$d\n')).toEqual([]);
  });
});
