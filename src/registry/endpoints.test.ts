import { describe, expect, test } from 'vitest';
import type { RegistryRule } from './config.ts';
import { endpointsFor, matchLength } from './endpoints.ts';

const rule = (prefix: string, more: Partial<RegistryRule> = {}): RegistryRule => ({
  prefix,
  insecure: false,
  blocked: false,
  mirrors: [],
  ...more,
});
const mirror = (location: string) => ({ location, insecure: false, pull: 'all' as const });

describe('matchLength', () => {
  test.for([
    ['docker.io/library/alpine', 'docker.io', 9],
    ['docker.io/library/alpine', 'docker.io/library', 17],
    ['docker.io/library/alpine', 'docker.io/lib', -1],
    ['docker.io.evil.com/a', 'docker.io', -1],
    ['host:5000/a', 'host', 4],
    ['host:5000/a', 'host:500', -1],
    ['a.example.com/x', '*.example.com', 13],
    ['b.a.example.com:5000/x', '*.example.com', -1],
    ['example.com/x', '*.example.com', -1],
    ['evilexample.com/x', '*.example.com', -1],
  ] as const)('%s under %s: %i', ([name, prefix, want]) => {
    expect(matchLength(name, prefix)).toBe(want);
  });
});

describe('endpointsFor', () => {
  const alpine = { registry: 'docker.io', repository: 'library/alpine' };
  const names = ({ registry, repository }: { registry: string; repository: string }): string =>
    `${registry}/${repository}`;

  test('without rules: the registry itself', () => {
    const { origin, mirrors } = endpointsFor(alpine, []);
    expect([names(origin), mirrors]).toEqual(['docker.io/library/alpine', []]);
  });

  test('mirrors in their order, the prefix replaced', () => {
    const rules = [rule('docker.io', { mirrors: [mirror('one.local:5000/hub'), mirror('two.local')] })];
    const { origin, mirrors } = endpointsFor(alpine, rules);
    expect(mirrors.map(names)).toEqual(['one.local:5000/hub/library/alpine', 'two.local/library/alpine']);
    expect(names(origin)).toBe('docker.io/library/alpine');
  });

  test('the longest prefix counts alone', () => {
    const rules = [
      rule('docker.io', { mirrors: [mirror('one.local')] }),
      rule('docker.io/library', { location: 'two.local/base', insecure: true }),
    ];
    const { origin, mirrors } = endpointsFor(alpine, rules);
    expect([names(origin), origin.insecure, mirrors]).toEqual(['two.local/base/alpine', true, []]);
  });

  test('a wildcard replaces the whole host', () => {
    const rules = [rule('*.corp.example', { location: 'proxy.local/corp' })];
    const { origin } = endpointsFor({ registry: 'a.b.corp.example', repository: 'app' }, rules);
    expect(names(origin)).toBe('proxy.local/corp/app');
  });

  test('blocked, with the rule that says so', () => {
    expect(endpointsFor(alpine, [rule('docker.io', { blocked: true })]).blockedBy).toBe('docker.io');
    expect(
      endpointsFor(alpine, [rule('docker.io', { blocked: true }), rule('docker.io/library')]).blockedBy,
    ).toBeUndefined();
  });
});
