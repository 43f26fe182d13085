import { describe, expect, test } from 'vitest';
import { readBuildArgs, readContexts, readEnv, readEnvFile, readLabels } from './key-values.ts';

const env = { HOME: '/h', EMPTY: '' };

describe('pairs', () => {
  test.for([
    ['build-arg with a value', () => readBuildArgs(['A=1', 'B=x=y', 'C='], env), { A: '1', B: 'x=y', C: '' }],
    [
      'build-arg from the environment',
      () => readBuildArgs(['HOME', 'EMPTY'], env),
      { HOME: '/h', EMPTY: '' },
    ],
    ['build-arg that nothing sets', () => readBuildArgs(['NOPE'], env), {}],
    ['the last of two wins', () => readBuildArgs(['A=1', 'A=2'], env), { A: '2' }],
    ['label with and without text', () => readLabels(['a=b', 'c']), { a: 'b', c: '' }],
    ['context', () => readContexts(['x=oci-layout://d']), { x: 'oci-layout://d' }],
    ['env keeps its order', () => readEnv(['B=1', 'HOME', 'NOPE', 'A='], env), ['B=1', 'HOME=/h', 'A=']],
  ] as const)('%s', ([, read, want]) => {
    expect(read()).toEqual(want);
  });

  test.for([
    ['build-arg without a name', () => readBuildArgs(['=1'], env), '--build-arg has no name'],
    ['empty env', () => readEnv([''], env), '--env has no name'],
    ['context without a value', () => readContexts(['x']), '--build-context has no value: "x"'],
    ['context with an empty value', () => readContexts(['x=']), '--build-context has no value'],
  ] as const)('error: %s', ([, read, message]) => {
    expect(read).toThrow(message);
  });
});

describe('readEnvFile', () => {
  test.for([
    ['lines, comments and empty ones', 'A=1\n# x\n\n  B=2\r\n', ['A=1', 'B=2']],
    ['a name alone', 'HOME\nNOPE', ['HOME=/h']],
    ['quotes and spaces are part of the value', 'A="x y" ', ['A="x y" ']],
    ['a byte order mark', '\ufeffA=1', ['A=1']],
  ] as const)('%s', ([, text, want]) => {
    expect(readEnvFile(text, 'f', env)).toEqual(want);
  });

  test.for(['A=1\n=2', 'A=1\nB C=2'])('error: a name that is none in %j', (text) => {
    expect(() => readEnvFile(text, 'f', env)).toThrow('line 2 of "f" is not a variable');
  });
});
