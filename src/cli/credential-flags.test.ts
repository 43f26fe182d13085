import { describe, expect, test } from 'vitest';
import { readAgents, readSecrets } from './credential-flags.ts';

const place = { cwd: '/here', env: { TOKEN: 't0ken', EMPTY: '', SSH_AUTH_SOCK: '/run/agent' } };
const value = (text: string): unknown => ({ type: 'value', value: Buffer.from(text) });
const file = (path: string): unknown => ({ type: 'file', path });

describe('--secret', () => {
  test.for<[string, string, unknown]>([
    ['a file', 'id=a,src=f', file('/here/f')],
    ['a file by its long name', 'id=a,type=file,source=/f', file('/f')],
    ['a variable', 'id=a,env=TOKEN', value('t0ken')],
    ['a variable as a source', 'id=a,type=env,src=TOKEN', value('t0ken')],
    ['a file named by the id', 'id=a', file('/here/a')],
    ['a variable named by the id', 'id=TOKEN', value('t0ken')],
    ['an empty variable', 'id=EMPTY', value('')],
    ['a file where it must be one', 'id=TOKEN,type=file', file('/here/TOKEN')],
    ['a path with a comma', 'id=a,"src=x,y"', file('/here/x,y')],
  ])('%s', ([, text, want]) => {
    expect([...readSecrets([text], place).values()]).toEqual([want]);
  });

  test.for<[string[], string, string]>([
    [['src=f'], '--secret has no id: "src=f"', 'expected id=NAME,src=FILE or id=NAME,env=VARIABLE'],
    [['a'], '--secret has a field without a value: "a"', 'expected id=NAME,src=FILE or id=NAME,env=VARIABLE'],
    [['id=a,scr=f'], '--secret has no field "scr"', 'did you mean src?'],
    [['id=a,type=vault'], '--secret cannot have the type "vault"', 'expected file or env'],
    [
      ['id=a,env=NOPE'],
      '--secret: the environment has no variable "NOPE"',
      'export it, or use id=a,src=FILE',
    ],
    [
      ['id=a,env=TOKEN,src=f'],
      '--secret has two sources: "id=a,env=TOKEN,src=f"',
      'expected id=NAME,src=FILE or id=NAME,env=VARIABLE',
    ],
    [['id=a,src=f', 'id=a,src=g'], 'the secret "a" is given twice', 'remove one of them'],
  ])('error: %s', ([list, message, hint]) => {
    expect(() => readSecrets(list, place)).toThrow(expect.objectContaining({ code: 'USAGE', message, hint }));
  });
});

describe('--ssh', () => {
  test.for<[string, [string, string[]]]>([
    ['default', ['default', ['/run/agent']]],
    ['git', ['git', ['/run/agent']]],
    ['git=', ['git', ['/run/agent']]],
    ['git=key,/other', ['git', ['/here/key', '/other']]],
    ['=/sock', ['default', ['/sock']]],
  ])('%s', ([text, want]) => {
    expect([...readAgents([text], place)]).toEqual([want]);
  });

  test.for<[string[], string]>([
    [['a', 'a'], 'the SSH agent "a" is given twice'],
    [['default'], '--ssh default: no agent is running, $SSH_AUTH_SOCK is not set'],
  ])('error: %s', ([list, message]) => {
    const env = list.length > 1 ? place.env : {};
    expect(() => readAgents(list, { ...place, env })).toThrow(
      expect.objectContaining({ code: 'USAGE', message }),
    );
  });
});
