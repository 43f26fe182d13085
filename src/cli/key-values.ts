import { parseUnset, type Unset } from '../dockerfile/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `--build-arg`: `NAME=value`, or `NAME` for the value that the environment has; nothing where it has none.
 *
 * @throws LapidaryError USAGE
 */
export function readBuildArgs(list: readonly string[], env: Environment): Record<string, string> {
  return record(
    list.flatMap((text) => {
      const [name, value = env[name]] = splitPair(text, '--build-arg');
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** `--label`: `NAME=value`; `NAME` alone is a label without text. @throws LapidaryError USAGE */
export function readLabels(list: readonly string[]): Record<string, string> {
  return record(
    list.map((text) => {
      const [name, value = ''] = splitPair(text, '--label');
      return [name, value] as const;
    }),
  );
}

/** `--build-context NAME=value`. @throws LapidaryError USAGE */
export function readContexts(list: readonly string[]): Record<string, string> {
  return record(
    list.map((text) => {
      const [name, value] = splitPair(text, '--build-context');
      if (value) return [name, value] as const;
      throw new LapidaryError('USAGE', `--build-context has no value: ${quoted(text)}`, {
        hint: 'expected NAME=DIRECTORY or NAME=oci-layout://DIRECTORY',
      });
    }),
  );
}

/** `-e` of run: `NAME=value`, or `NAME` for the value that the environment has. @throws LapidaryError USAGE */
export function readEnv(list: readonly string[], env: Environment): string[] {
  return list.flatMap((text) => {
    const [name, value = env[name]] = splitPair(text, '--env');
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

/**
 * A file of variables: one a line as for `-e`, empty lines and those that begin with `#` left out. There is no
 * quoting: the value is the rest of the line.
 *
 * Source: github.com/docker/cli, `pkg/kvfile`.
 *
 * @throws LapidaryError USAGE naming the line
 */
export function readEnvFile(text: string, file: string, env: Environment): string[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((raw, i) => {
      const line = raw.trimStart();
      if (line === '' || line.startsWith('#')) return [];
      const name = line.split('=', 1)[0] ?? '';
      if (name === '' || /\s/.test(name)) {
        throw new LapidaryError(
          'USAGE',
          `line ${i + 1} of ${quoted(file)} is not a variable: ${quoted(line)}`,
          {
            hint: 'expected NAME=value',
          },
        );
      }
      return readEnv([line], env);
    });
}

function splitPair(text: string, flag: string): readonly [string, string | undefined] {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') {
    throw new LapidaryError('USAGE', `${flag} has no name: ${quoted(text)}`, { hint: 'expected NAME=value' });
  }
  return [name, equals < 0 ? undefined : text.slice(equals + 1)];
}

/** Names such as `__proto__` stay plain keys. */
function record(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(pairs);
}

/** `--unset KIND[=NAME]`. @throws LapidaryError USAGE */
export function readUnset(values: readonly string[]): Unset[] {
  return values.map((text) => {
    const unset = parseUnset(text, '=');
    if (!('message' in unset)) return unset;
    throw new LapidaryError('USAGE', `--unset: ${unset.message}`, { hint: unset.hint });
  });
}
