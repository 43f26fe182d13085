import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCdiDevice } from './cdi.ts';

let root: string;
let directories: readonly string[];
beforeAll(() => {
  root = mkdtempSync(`${tmpdir()}/lapidary-cdi-`);
  directories = [`${root}/etc`, `${root}/run`];
  for (const directory of directories) mkdirSync(directory);
  writeFileSync(
    `${root}/etc/acme.yaml`,
    `cdiVersion: 0.6.0
kind: acme.com/gpu
containerEdits:
  env: [DRIVER=1]
devices:
  - name: all
    containerEdits:
      deviceNodes:
        - path: /dev/acme0
          hostPath: /dev/null
      mounts:
        - { hostPath: /lib/acme, containerPath: /usr/lib/acme, options: [ro] }
      hooks:
        - { hookName: createContainer, path: /bin/true, args: [true, -x] }
`.replace('[true, -x]', '["true", "-x"]'),
  );
  writeFileSync(
    `${root}/run/acme.json`,
    JSON.stringify({
      cdiVersion: '0.6.0',
      kind: 'acme.com/gpu',
      devices: [{ name: '1', containerEdits: {} }],
    }),
  );
});
afterAll(() => rmSync(root, { recursive: true }));

describe('findCdiDevice', () => {
  test('gives the edits of the specification, then those of the device', () => {
    const [common, own] = findCdiDevice('acme.com/gpu=all', directories);
    expect(common?.env).toEqual(['DRIVER=1']);
    expect(own).toMatchObject({
      deviceNodes: [{ path: '/dev/acme0', hostPath: '/dev/null' }],
      mounts: [{ hostPath: '/lib/acme', containerPath: '/usr/lib/acme', options: ['ro'] }],
      hooks: [{ hookName: 'createContainer', path: '/bin/true', args: ['true', '-x'] }],
    });
  });

  test('reads JSON, and several files of a kind', () => {
    expect(findCdiDevice('acme.com/gpu=1', directories)).toEqual([
      { env: [], deviceNodes: [], mounts: [], hooks: [], additionalGids: [] },
    ]);
  });

  test('says what there is', () => {
    expect(() => findCdiDevice('acme.com/gpu=al', directories)).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: 'did you mean acme.com/gpu=all?' }),
    );
    expect(() => findCdiDevice('x.y/z=1', [`${root}/nowhere`])).toThrow(/no CDI device/);
  });

  test('a file that is no specification is named', () => {
    writeFileSync(`${root}/run/bad.yml`, 'kind: [');
    expect(() => findCdiDevice('acme.com/gpu=nope', directories)).toThrow(/bad\.yml/);
    rmSync(`${root}/run/bad.yml`);
  });
});
