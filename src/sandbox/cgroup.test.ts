import { describe, expect, test } from 'vitest';
import { separateLines, unifiedLines } from './cgroup.ts';

const LIMITS = { memory: 1 << 30, memorySwap: 3 << 29, cpus: 1.5, cpuShares: 1024, cpusetCpus: '0-1' };
const pairs = (lines: ReturnType<typeof unifiedLines>): string[] =>
  lines.map(({ controller, file, value }) => `${controller} ${file}=${value}`);

describe('what is written into a cgroup', () => {
  test('of version 2', () => {
    expect(pairs(unifiedLines(LIMITS))).toEqual([
      'memory memory.max=1073741824',
      'memory memory.swap.max=536870912',
      'cpu cpu.max=150000 100000',
      'cpu cpu.weight=40',
      'cpuset cpuset.cpus=0-1',
    ]);
  });

  test('of version 1, processors before anything is moved there', () => {
    expect(pairs(separateLines(LIMITS))).toEqual([
      'cpuset cpuset.cpus=0-1',
      'memory memory.limit_in_bytes=1073741824',
      'memory memory.memsw.limit_in_bytes=1610612736',
      'cpu cpu.cfs_period_us=100000',
      'cpu cpu.cfs_quota_us=150000',
      'cpu cpu.shares=1024',
    ]);
  });

  test.for([
    { shares: 2, weight: 1 },
    { shares: 262_144, weight: 10_000 },
  ])('$shares shares are the weight $weight', ({ shares, weight }) => {
    expect(pairs(unifiedLines({ cpuShares: shares }))).toEqual([`cpu cpu.weight=${weight}`]);
  });

  test('swap without a limit, and nothing', () => {
    expect(pairs(unifiedLines({ memory: 5, memorySwap: -1 }))).toEqual([
      'memory memory.max=5',
      'memory memory.swap.max=max',
    ]);
    expect(unifiedLines({})).toEqual([]);
  });
});
