import { describe, expect, test } from 'vitest';
import { checkRequest } from './runtime.ts';

const request = { argv: ['true'], env: ['A=b'], cwd: '/', hostname: 'lapidary' };

describe('checkRequest', () => {
  test('takes what a kernel can take', () => {
    expect(() => checkRequest(request)).not.toThrow();
  });

  test.for([
    { name: 'no command', change: { argv: [] }, message: 'there is no command to run' },
    { name: 'a host name of two lines', change: { hostname: 'a\nb' }, message: 'not a host name: "a\\nb"' },
    { name: 'an empty host name', change: { hostname: '' }, message: 'not a host name: ""' },
    { name: 'a NUL in an argument', change: { argv: ['a\0b'] }, message: 'a NUL character in "a\\u0000b"' },
    { name: 'a NUL in a variable', change: { env: ['A=\0'] }, message: 'a NUL character in "A=\\u0000"' },
    {
      name: 'a file that would stay in the layer',
      change: { files: [{ path: '/etc/x', bytes: new Uint8Array(), mode: 0o644 }] },
      message: 'the file "/etc/x" is not below /dev',
    },
    {
      name: 'a file that climbs',
      change: { files: [{ path: '/dev/../etc/x', bytes: new Uint8Array(), mode: 0o644 }] },
      message: 'the file "/dev/../etc/x" is not below /dev',
    },
    {
      name: 'a relative directory',
      change: { cwd: 'srv' },
      message: 'the working directory "srv" is not absolute',
    },
  ])('refuses $name', ({ change, message }) => {
    expect(() => checkRequest({ ...request, ...change })).toThrow(
      expect.objectContaining({ code: 'USAGE', message }),
    );
  });
});
