import { describe, expect, test } from 'vitest';
import { parseDockerfile } from './index.ts';

/** The rules that were noticed in `FROM scratch` and one more line. */
const noticed = (line: string): string[] =>
  parseDockerfile({ name: 'Dockerfile', text: `FROM scratch\n${line}\n` }).warnings.map(({ rule }) => rule);

describe('a list that is not JSON', () => {
  test.for([
    `RUN ["a", 'b']`,
    `CMD ['a', 'b']`,
    'CMD ["a", "b"',
    'CMD ["a"] # starts it',
    'CMD [a]',
    `RUN [ 'a', "b" ]`,
    'RUN [ "-f", "/x", ]',
    'CMD [ "a" "b" ]',
  ])('is told: %s', (line) => {
    expect(noticed(line)).toEqual(['MalformedJsonForm']);
  });

  test.for([
    'RUN [ "$x" = y ] && echo z',
    'RUN [ "$x" == "a, b" ] || exit 1',
    `RUN [ 'a' != "$b" ]; echo done`,
    'RUN [ "$n" -eq 0 ] && true',
    'RUN [ "$x" ] || exit 1',
    'RUN [ "$(uname -m)" = x86_64 ] && make',
    'CMD [ "$MODE" = debug ] && exec app -v; exec app',
    'RUN [ -f /x ] || true',
    'RUN [[ "$x" = y ]] && true',
    'RUN [ -n "$x" ] && true',
  ])('is not what a shell tests: %s', (line) => {
    expect(noticed(line)).toEqual([]);
  });
});
