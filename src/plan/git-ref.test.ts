import { describe, expect, test } from 'vitest';
import { type GitRef, parseGitRef, redacted } from './git-ref.ts';

const HOST = 'https://example.com/a/b.git';

describe('a git URL', () => {
  test.for<[text: string, want: GitRef | undefined]>([
    [HOST, { remote: HOST }],
    ['http://example.com/b.git', { remote: 'http://example.com/b.git' }],
    ['git://example.com/b', { remote: 'git://example.com/b' }],
    ['ssh://git@example.com:22/b', { remote: 'ssh://git@example.com:22/b' }],
    ['git@example.com:a/b.git', { remote: 'git@example.com:a/b.git' }],
    ['git@example.com:a/b.git#v1:sub', { remote: 'git@example.com:a/b.git', ref: 'v1', subdir: 'sub' }],
    ['git@example.com:a/b?ref=v1', { remote: 'git@example.com:a/b', ref: 'v1' }],
    [`${HOST}#v1`, { remote: HOST, ref: 'v1' }],
    [`${HOST}#feature/x:sub/dir`, { remote: HOST, ref: 'feature/x', subdir: 'sub/dir' }],
    [`${HOST}#:sub/./dir/`, { remote: HOST, subdir: 'sub/dir' }],
    [`${HOST}#`, { remote: HOST }],
    [`${HOST}#:/`, { remote: HOST }],
    [`${HOST}#a%20b`.replace('%20', '%2D'), { remote: HOST, ref: 'a-b' }],
    [`${HOST}?ref=v1&subdir=/s`, { remote: HOST, ref: 'v1', subdir: 's' }],
    [`${HOST}?tag=v1`, { remote: HOST, ref: 'refs/tags/v1' }],
    [`${HOST}?branch=refs/heads/x`, { remote: HOST, ref: 'refs/heads/x' }],
    [`${HOST}?branch=x#refs/heads/x`, { remote: HOST, ref: 'refs/heads/x' }],
    [`${HOST}?checksum=0123abc`, { remote: HOST, ref: '0123abc', checksum: '0123abc' }],
    [`${HOST}?commit=0123abc#v1`, { remote: HOST, ref: 'v1', checksum: '0123abc' }],
    [`${HOST}?keep-git-dir`, { remote: HOST, keepGitDir: true }],
    [`${HOST}?keep-git-dir=false&submodules=0`, { remote: HOST, keepGitDir: false, submodules: false }],
    // Not git: a file behind a URL, or a path
    ['https://example.com/b.tar.gz', undefined],
    ['https://example.com/b.git/archive', undefined],
    ['ftp://example.com/b.git', undefined],
    ['github.com/a/b', undefined],
    ['./b.git', undefined],
    ['a:b', undefined],
    ['dir/git@example.com:x', undefined],
  ])('%s', ([text, want]) => {
    expect(parseGitRef(text)).toEqual(want);
  });

  test('a short one is for build contexts', () => {
    expect(parseGitRef('github.com/a/b#v1', { short: true })).toEqual({
      remote: 'https://github.com/a/b',
      ref: 'v1',
    });
  });

  test.for<[text: string, why: string]>([
    [`${HOST}?what=1`, 'no query "what"'],
    [`${HOST}?ref=`, 'ref has no value'],
    [`${HOST}?ref=a&ref=b`, 'ref more than once'],
    [`${HOST}?ref=a#b`, 'several references'],
    [`${HOST}?tag=a&branch=a`, 'several references'],
    [`${HOST}?subdir=a#:b`, 'several directories'],
    [`${HOST}?submodules=maybe`, '"maybe" is neither true nor false'],
    [`${HOST}?checksum=xyz`, '"xyz" is not a commit'],
    [`${HOST}#--upload-pack=x`, 'cannot be the name'],
    [`${HOST}#a..b`, 'cannot be the name'],
    [`${HOST}#a@{1}`, 'cannot be the name'],
    [`${HOST}#v1:../x`, 'leads out of the repository'],
    ['ssh://-oProxyCommand=x/b', 'not well formed'],
    ['git@-oProxyCommand:x', 'not well formed'],
    ['git@example.com:-x', 'not well formed'],
    ['https:///b.git', 'not well formed'],
    ['https://example.com/a b.git', 'not well formed'],
  ])('%s is an error: %s', ([text, why]) => {
    expect(() => parseGitRef(text)).toThrow(
      expect.objectContaining({ code: 'GIT_REF_INVALID', message: expect.stringContaining(why) as string }),
    );
  });

  test('a password is not told', () => {
    expect(() => parseGitRef('https://me:secret@example.com/b.git?x=1')).toThrow(
      '"https://example.com/b.git?x=1" is not a git source',
    );
    expect(redacted("unable to access 'https://me:s@h/b.git'")).toBe("unable to access 'https://h/b.git'");
  });
});
