import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { familiarName, formatReference, parseReference, withDefaultTag } from './reference.ts';

const HEX = 'ab'.repeat(32);

describe('parseReference', () => {
  test.for([
    ['official image', 'alpine', 'docker.io/library/alpine'],
    ['official image with a tag', 'alpine:3.22', 'docker.io/library/alpine:3.22'],
    ['user image', 'me/app', 'docker.io/me/app'],
    ['explicit hub', 'docker.io/alpine', 'docker.io/library/alpine'],
    ['old name of the hub', 'index.docker.io/alpine', 'docker.io/library/alpine'],
    ['old name of the hub with a path', 'index.docker.io/a/b', 'docker.io/a/b'],
    ['library spelt out', 'library/alpine', 'docker.io/library/alpine'],
    ['registry by its dot', 'ghcr.io/me/app:1', 'ghcr.io/me/app:1'],
    ['registry by its port', 'host:5000/app', 'host:5000/app'],
    ['port and tag', 'host:5000/app:1', 'host:5000/app:1'],
    ['a number is a tag when no path follows', 'host:5000', 'docker.io/library/host:5000'],
    ['localhost is a registry', 'localhost/app', 'localhost/app'],
    ['upper case makes a registry', 'Uppercase/lower', 'Uppercase/lower'],
    ['IPv6 registry', '[fd00::1]:5000/app:1', '[fd00::1]:5000/app:1'],
    ['digest', `alpine@sha256:${HEX}`, `docker.io/library/alpine@sha256:${HEX}`],
    ['tag and digest', `a.io/b:1@sha256:${HEX}`, `a.io/b:1@sha256:${HEX}`],
    ['separators inside of a component', 'g/a_b__c-d---e.f', 'docker.io/g/a_b__c-d---e.f'],
    ['longest tag', `a:${'t'.repeat(128)}`, `docker.io/library/a:${'t'.repeat(128)}`],
    ['longest repository', `a.io/${'r'.repeat(255)}`, `a.io/${'r'.repeat(255)}`],
    ['a tag of upper case', 'a:LATEST_1', 'docker.io/library/a:LATEST_1'],
    ['63 hex digits are a name', 'a'.repeat(63), `docker.io/library/${'a'.repeat(63)}`],
  ] as const)('%s: %s', ([, text, want]) => {
    expect(formatReference(parseReference(text))).toBe(want);
  });

  test.for([
    ['empty', '', /it is empty/, /expected \[REGISTRY/],
    ['URL', 'https://ghcr.io/me/app', /it is a URL/, /leave out "https:\/\/"/],
    ['upper case repository', 'Alpine', /"Alpine" cannot be part/, /lower case: write "alpine"/],
    ['upper case below a registry', 'a.io/B/c', /"B" cannot be part/, /write "b"/],
    ['empty component', 'a.io//b', /component of its repository is empty/, undefined],
    ['slash at the end', 'me/', /component of its repository is empty/, undefined],
    ['slash at the start', '/app', /component of its repository is empty/, undefined],
    ['bad separators', 'a..b', /"a..b" cannot be part/, /separated by one of/],
    ['three underscores', 'a___b', /cannot be part/, /separated/],
    ['dash at the end', 'a-', /cannot be part/, /separated/],
    ['space', 'a b', /cannot be part/, /separated/],
    ['empty tag', 'alpine:', /"" is not a tag/, /a tag is 1 to 128/],
    ['tag with a bad start', 'alpine:-1', /"-1" is not a tag/, /does not begin/],
    ['tag too long', `a:${'t'.repeat(129)}`, /is not a tag/, /1 to 128/],
    ['repository too long', `a.io/${'r'.repeat(256)}`, /longer than 255/, undefined],
    ['whole text too long', 'a'.repeat(1025), /longer than 1024/, undefined],
    ['image ID', HEX, /64 hex digits/, /write sha256:/],
    ['short digest', 'alpine@sha256:abc', /"sha256:abc" is not a digest/, /64 lowercase hex/],
    ['empty digest', 'alpine@', /one digest must follow/, undefined],
    ['two digests', `a@sha256:${HEX}@sha256:${HEX}`, /one digest must follow/, undefined],
    ['registry with a bad character', 'a_b.io/c', /"a_b.io" is not a registry/, /host name/],
    ['registry with a bad port', 'a.io:x/c', /"a.io:x" is not a registry/, /host name/],
    ['unclosed IPv6 address', '[::1/app', /is not a registry/, /host name/],
    ['control character', 'a\u001b', /\\u001b/, /separated/],
  ] as const)('refuses: %s', ([, text, message, hint]) => {
    const error = failure(() => parseReference(text));
    expect(error.code).toBe('REFERENCE_INVALID');
    expect(error.message).toMatch(message);
    expect(error.hint ?? '').toMatch(hint ?? /^$/);
  });

  test('a long hostile name is refused quickly', () => {
    expect(() => parseReference(`a.io/${'a_'.repeat(500)}!`)).toThrow(LapidaryError);
    expect(() => parseReference(`${'a-'.repeat(400)}.io/x`)).toThrow(LapidaryError);
  });

  test('nothing but a LapidaryError is thrown for any text, and what is read is read again the same', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9._:/@[\]-]{0,40}$/));
    fc.assert(
      fc.property(text, (text) => {
        let reference: ReturnType<typeof parseReference>;
        try {
          reference = parseReference(text);
        } catch (error) {
          return error instanceof LapidaryError;
        }
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(familiarName(reference))).toEqual(reference);
        return true;
      }),
    );
  });
});

describe('familiarName', () => {
  test.for([
    ['official image', 'docker.io/library/alpine:3', 'alpine:3'],
    ['user image', 'docker.io/me/app:1', 'me/app:1'],
    ['deep library path', 'docker.io/library/a/b', 'library/a/b'],
    ['another registry', 'ghcr.io/me/app', 'ghcr.io/me/app'],
    ['a namespace that would read as a registry', 'docker.io/localhost/app', 'docker.io/localhost/app'],
    ['a namespace with a dot', 'docker.io/a.b/app', 'docker.io/a.b/app'],
    ['library itself', 'docker.io/library/library', 'library'],
    ['64 hex digits', `docker.io/library/${HEX}`, `library/${HEX}`],
  ] as const)('%s', ([, text, want]) => {
    expect(familiarName(parseReference(text))).toBe(want);
    expect(parseReference(want)).toEqual(parseReference(text));
  });
});

describe('withDefaultTag', () => {
  test.for([
    ['adds latest', 'alpine', 'alpine:latest'],
    ['keeps a tag', 'alpine:3', 'alpine:3'],
    ['adds none beside a digest', `alpine@sha256:${HEX}`, `alpine@sha256:${HEX}`],
  ] as const)('%s', ([, text, want]) => {
    expect(familiarName(withDefaultTag(parseReference(text)))).toBe(want);
  });
});

function failure(run: () => unknown): LapidaryError {
  try {
    run();
  } catch (error) {
    if (error instanceof LapidaryError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
