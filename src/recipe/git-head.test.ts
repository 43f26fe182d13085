import { describe, expect, test } from 'vitest';
import { gitHead } from './git-head.ts';
import { projectOf } from './test-project.ts';

const COMMIT = 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678';

describe('the commit of a project', () => {
  test.each<{ name: string; files: Readonly<Record<string, string>>; want: string | undefined }>([
    {
      name: 'a branch',
      files: { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${COMMIT}\n` },
      want: COMMIT,
    },
    {
      name: 'a branch with slashes, packed',
      files: {
        '.git/HEAD': 'ref: refs/heads/a/b\n',
        '.git/packed-refs': `# pack-refs\n${'0'.repeat(40)} refs/heads/b\n${COMMIT} refs/heads/a/b\n`,
      },
      want: COMMIT,
    },
    { name: 'a commit without a branch', files: { '.git/HEAD': `${COMMIT}\n` }, want: COMMIT },
    { name: 'no repository', files: {}, want: undefined },
    { name: 'no commit yet', files: { '.git/HEAD': 'ref: refs/heads/main\n' }, want: undefined },
    {
      name: 'a branch that leads elsewhere',
      files: { '.git/HEAD': 'ref: refs/heads/../../../x\n', '.git/refs/heads/../../../x': COMMIT },
      want: undefined,
    },
    {
      name: 'a branch whose file is something else',
      files: { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': '$(reboot)' },
      want: undefined,
    },
  ])('$name', async ({ files, want }) => {
    expect(await gitHead(projectOf(files))).toBe(want);
  });
});
