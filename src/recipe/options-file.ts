import { suggest } from '../errors/index.ts';
import { healthOf } from './health.ts';
import type { RecipeOptions, When } from './types.ts';
import { YamlDocument, type YamlValue } from './yaml-document.ts';

/** In the folder of a project: what would else be said by flags, by their names. */
export const OPTIONS_FILE = 'lapidary.yml';

type Reader = (value: YamlValue) => RecipeOptions;

const WHEN = ['auto', 'on', 'off'] as const;

/** By the names of the flags of `lapidary build`. */
const READERS: Readonly<Record<string, Reader>> = {
  'crystal-target': (value) => defined({ targets: value.texts() }),
  toolchain: (value) => defined({ toolchain: oneOf(value, ['auto', 'debian', 'official']) }),
  link: (value) => defined({ link: oneOf(value, ['static', 'dynamic']) }),
  release: (value) => defined({ release: value.flag() }),
  'keep-debug': (value) => defined({ debug: value.flag() }),
  define: (value) => defined({ defines: value.texts() }),
  mcpu: (value) => defined({ cpu: value.text() }),
  'link-flags': (value) => defined({ linkFlags: value.text() }),
  'with-package': (value) => defined({ packages: value.texts() }),
  'with-files': (value) => defined({ files: value.texts() }),
  tls: (value) => defined({ tls: when(value) }),
  timezones: (value) => defined({ timezones: when(value) }),
  base: (value) => defined({ base: value.text() }),
  init: (value) => defined({ init: value.flag() }),
  expose: (value) => defined({ expose: value.texts() }),
  health: readHealth,
  'private-git': (value) => defined({ gitTokens: value.texts() }),
  'allow-expired': (value) => defined({ allowExpired: value.flag() }),
};

/** @throws SourceError PROJECT_INVALID */
export function readOptionsFile(text: string): RecipeOptions {
  const { root } = new YamlDocument({ name: OPTIONS_FILE, text });
  return Object.assign({}, ...root.entries().map(readEntry)) as RecipeOptions;
}

function readEntry([name, value]: [string, YamlValue]): RecipeOptions {
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (reader !== undefined) return reader(value);
  const names = Object.keys(READERS);
  const near = suggest(name, names);
  throw value.wrong(`one of ${names.join(', ')}`, near === undefined ? undefined : `did you mean ${near}?`);
}

function readHealth(value: YamlValue): RecipeOptions {
  const words = value.texts();
  if (words === undefined) return {};
  const [only = '', ...more] = words;
  const health = more.length > 0 ? { healthCommand: words } : healthOf(only);
  if (health !== undefined) return health;
  throw value.wrong('http://localhost:PORT/PATH, or a command as a list of words');
}

/** Without what is not said, so that it does not hide a default. */
function defined(
  options: { readonly [key in keyof RecipeOptions]: RecipeOptions[key] | undefined },
): RecipeOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function oneOf<Name extends string>(value: YamlValue, names: readonly Name[]): Name | undefined {
  const text = value.text();
  const found = names.find((name) => name === text);
  if (text === undefined || found !== undefined) return found;
  throw value.wrong(names.join(', '));
}

/** YAML of old has `on` and `off` for true and false. */
function when(value: YamlValue): When | undefined {
  const text = value.text();
  return text === 'true' ? 'on' : text === 'false' ? 'off' : oneOf(value, WHEN);
}
