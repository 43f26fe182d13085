import { describe, expect, test } from 'vitest';
import { mergeRules, parseRegistriesConf } from './registries-conf.ts';

describe('parseRegistriesConf', () => {
  test('rules with mirrors', () => {
    const rules = parseRegistriesConf(
      `
      unqualified-search-registries = ["docker.io"]
      short-name-mode = "enforcing"
      [[registry]]
      prefix = "docker.io"
      location = "mirror.local/hub/"
      [[registry.mirror]]
      location = "one.local:5000"
      insecure = true
      [[registry.mirror]]
      location = "two.local"
      pull-from-mirror = "digest-only"
      [[registry]]
      location = "Index.docker.io/old"
      blocked = true
      [[registry]]
      prefix = "*.corp.example"
      insecure = true
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "three.local"
      [aliases]
      "debian" = "docker.io/library/debian"
      `,
      'r.conf',
    );
    expect(rules).toEqual([
      {
        prefix: 'docker.io',
        location: 'mirror.local/hub',
        insecure: false,
        blocked: false,
        mirrors: [
          { location: 'one.local:5000', insecure: true, pull: 'all' },
          { location: 'two.local', insecure: false, pull: 'digest-only' },
        ],
      },
      { prefix: 'docker.io/old', location: 'docker.io/old', insecure: false, blocked: true, mirrors: [] },
      {
        prefix: '*.corp.example',
        insecure: true,
        blocked: false,
        mirrors: [{ location: 'three.local', insecure: false, pull: 'digest-only' }],
      },
    ]);
  });

  test.for([
    { name: 'no TOML', text: '[[registry', says: 'is not TOML' },
    { name: 'version 1', text: '[registries.search]\nregistries = ["x"]', says: 'is of version 1' },
    {
      name: 'a rule for nothing',
      text: '[[registry]]\ninsecure = true',
      says: 'registry[0] in "r.conf" has neither prefix nor location',
    },
    { name: 'a URL', text: '[[registry]]\nlocation = "https://a"', says: 'that is a URL: "https://a"' },
    { name: 'a wildcard as a location', text: '[[registry]]\nlocation = "*.a"', says: 'that is no registry' },
    {
      name: 'a word for a flag',
      text: '[[registry]]\nlocation = "a"\ninsecure = "yes"',
      says: 'neither true nor false',
    },
    { name: 'one table instead of a list', text: '[registry]\nlocation = "a"', says: 'is no list of tables' },
    {
      name: 'a mirror of nothing',
      text: '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true',
      says: 'registry[0].mirror[0] in "r.conf" has no location',
    },
    {
      name: 'an unknown way to pull',
      text: '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "never"',
      says: 'pull-from-mirror',
    },
  ])('$name: an error that says where', ({ text, says }) => {
    const run = (): unknown => parseRegistriesConf(text, 'r.conf');
    expect(run).toThrow(expect.objectContaining({ code: 'REGISTRY_CONFIG' }));
    expect(run).toThrow(says);
  });
});

test('of rules with the same prefix the last file wins', () => {
  const file = (text: string) => parseRegistriesConf(text, 'r.conf');
  const merged = mergeRules([
    file('[[registry]]\nlocation = "a"\nblocked = true\n[[registry]]\nlocation = "b"'),
    file('[[registry]]\nlocation = "a"'),
  ]);
  expect(merged.map(({ prefix, blocked }) => [prefix, blocked])).toEqual([
    ['a', false],
    ['b', false],
  ]);
});
