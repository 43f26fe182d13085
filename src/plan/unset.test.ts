import { describe, expect, test } from 'vitest';
import { imageWith, planText } from './test-plan.ts';

describe('unset', () => {
  const full = imageWith(
    {
      Env: ['PATH=/bin', 'a=1', 'b=2'],
      Labels: { x: '1', y: '2' },
      Volumes: { '/v': {}, '/w': {} },
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Healthcheck: { Test: ['NONE'] },
      Entrypoint: ['/e'],
      Cmd: ['/c'],
      User: 'u',
      WorkingDir: '/d',
      StopSignal: 'INT',
      Shell: ['/s'],
    },
    { author: 'me' },
  );
  test.for([
    ['env', 'a', 'Env'],
    ['label', 'x', 'Labels'],
    ['volume', '/v', 'Volumes'],
    ['expose', '80', 'ExposedPorts'],
    ['expose', '53/udp', 'ExposedPorts'],
    ['healthcheck', undefined, 'Healthcheck'],
    ['entrypoint', undefined, 'Entrypoint'],
    ['cmd', undefined, 'Cmd'],
    ['user', undefined, 'User'],
    ['workdir', undefined, 'WorkingDir'],
    ['stopsignal', undefined, 'StopSignal'],
    ['shell', undefined, 'Shell'],
    ['label', undefined, 'Labels'],
  ] as const)('%s %s', ([setting, name, field]) => {
    const unset = [{ setting, ...(name === undefined ? {} : { name }) }];
    const before = planText('FROM full', { images: { full } }).result.config;
    const onCommandLine = planText('FROM full', { images: { full }, unset });
    const inFile = planText(`FROM full\n# lapidary: unset=${setting} ${name ?? ''}`, { images: { full } });
    expect(onCommandLine.result.config).toEqual(inFile.result.config);
    expect(onCommandLine.warnings).toEqual([]);
    const after = JSON.stringify(inFile.result.config[field] ?? '');
    expect(after.length).toBeLessThan(JSON.stringify(before[field]).length);
    expect(name === undefined ? after : '""').toBe('""');
    expect({ ...inFile.result.config, [field]: undefined }).toEqual({ ...before, [field]: undefined });
  });

  test('at its place: what comes later counts again', () => {
    const text =
      'FROM full\n# lapidary: unset=ENV a\nENV c=${a:-gone}\nENV a=3\n# lapidary: unset=MAINTAINER';
    const { result } = planText(text, { images: { full } });
    expect(result.config.Env).toEqual(['PATH=/bin', 'b=2', 'c=gone', 'a=3']);
    expect(result.author).toBeUndefined();
  });

  test('nothing to unset is told', () => {
    const { warnings } = planText('FROM bare', { unset: [{ setting: 'volume', name: '/x' }] });
    expect(warnings).toMatchObject([{ message: 'there is no volume /x to unset' }]);
  });
});
