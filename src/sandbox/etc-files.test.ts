import { expect, test } from 'vitest';
import { resolvConf } from './etc-files.ts';
import type { SandboxSettings } from './settings.ts';

const forwarded = { path: '/proc/1/ns/net', nameServer: '169.254.1.1' };

test.for<{ name: string; host: string; own?: boolean; settings?: SandboxSettings; want: string }>([
  {
    name: 'the host as it is',
    host: 'nameserver 10.1.1.1\nsearch a.example',
    want: 'nameserver 10.1.1.1\nsearch a.example\n',
  },
  {
    name: 'the one that answers for it',
    host: 'nameserver 10.1.1.1\nsearch a.example',
    own: true,
    want: 'nameserver 169.254.1.1\nsearch a.example\n',
  },
  {
    name: 'for one that is on the loopback',
    host: 'nameserver 127.0.0.53\noptions edns0',
    own: true,
    want: 'nameserver 169.254.1.1\noptions edns0\n',
  },
  { name: 'for a host that has none', host: '', own: true, want: 'nameserver 169.254.1.1\n' },
  {
    name: 'not for one with IPv6 alone',
    host: 'nameserver 2001:db8::1',
    own: true,
    want: 'nameserver 2001:db8::1\n',
  },
  {
    name: 'what was asked for',
    host: 'nameserver 10.1.1.1',
    own: true,
    settings: { dns: ['10.2.2.2'] },
    want: 'nameserver 10.2.2.2\n',
  },
])('resolvers: $name', ({ host, own = false, settings = {}, want }) => {
  expect(resolvConf(host, { network: own ? forwarded : undefined, settings })).toBe(want);
});
