import { describe, expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

describe('proxyFor', () => {
  const proxies = { HTTP_PROXY: 'http://plain:1', https_proxy: 'secure:2' };
  test.for([
    { url: 'http://a.example/', no: '', want: 'http://plain:1' },
    { url: 'https://a.example/', no: '', want: 'http://secure:2' },
    { url: 'https://localhost:5000/', no: '', want: undefined },
    { url: 'https://127.1.2.3/', no: '', want: undefined },
    { url: 'https://[::1]:5000/', no: '', want: undefined },
    { url: 'https://a.example/', no: '*', want: undefined },
    { url: 'https://a.example/', no: 'example', want: undefined },
    { url: 'https://example/', no: 'example', want: undefined },
    { url: 'https://notexample/', no: 'example', want: 'http://secure:2' },
    { url: 'https://example/', no: '.example', want: 'http://secure:2' },
    { url: 'https://a.example/', no: 'x, .EXAMPLE', want: undefined },
    { url: 'https://a.example/', no: '*.example', want: undefined },
    { url: 'https://a.example:8443/', no: 'a.example:8443', want: undefined },
    { url: 'https://a.example/', no: 'a.example:8443', want: 'http://secure:2' },
    { url: 'https://a.example/', no: 'a.example:443', want: undefined },
    { url: 'https://10.1.2.3/', no: '10.0.0.0/8', want: undefined },
    { url: 'https://11.1.2.3/', no: '10.0.0.0/8', want: 'http://secure:2' },
    { url: 'https://[fd00::1]/', no: 'fd00::/8', want: undefined },
    { url: 'https://10.1.2.3/', no: '10.1.2.3', want: undefined },
    { url: 'https://a.example/', no: '10.0.0.0/99,bad/8', want: 'http://secure:2' },
  ])('$url without "$no"', ({ url, no, want }) => {
    expect(proxyFor(new URL(url), { ...proxies, NO_PROXY: no })).toBe(want);
  });

  test('none is set', () => {
    expect(proxyFor(new URL('https://a.example/'), {})).toBeUndefined();
  });
});
