import { describe, expect, test } from 'vitest';
import { executionKey } from './execution-key.ts';

describe('executionKey', () => {
  test.for([
    { name: 'nothing', settings: {} },
    { name: 'isolation', settings: { isolation: 'user-namespace' as const } },
    { name: 'limits', settings: { limits: { memory: 1 << 20 }, cgroupParent: 'x' } },
    { name: 'resolvers', settings: { dns: ['1.1.1.1'], dnsSearch: ['a'], dnsOptions: ['b'] } },
  ])('$name makes no other key', ({ settings }) => {
    expect(executionKey(settings)).toBeUndefined();
  });

  test('names of hosts count, their addresses do not', () => {
    const [one, same, other] = [
      ['a', '1.1.1.1'],
      ['a', '2.2.2.2'],
      ['b', '1.1.1.1'],
    ].map(([name = '', ip = '']) => executionKey({ hosts: [{ name, ip }] }));
    expect(one).toBe(same);
    expect(one).not.toBe(other);
  });

  test('what a command may do counts', () => {
    const keys = [
      { capAdd: ['SYS_ADMIN'] },
      { capDrop: ['ALL'] },
      { shmSize: 5 },
      { devices: ['/dev/fuse'] },
    ];
    expect(new Set(keys.map(executionKey)).size).toBe(keys.length);
  });
});
