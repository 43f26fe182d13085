import type { BuildRequest } from '../build/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Flags, OptionSpec } from './command.ts';
import { oneOf } from './one-of.ts';

const OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--crystal-target NAME',
    help: 'Target of shard.yml, or program of another language, to build; the first one is what the image starts (default: all of them)',
    repeat: true,
  },
  {
    flags: '--toolchain WHICH',
    help: 'debian (cross-compiles), official (images of the language), or auto: Debian’s when shard.yml allows its version',
  },
  {
    flags: '--link MODE',
    help: 'static (default), or dynamic: with exactly the shared libraries that are needed',
  },
  { flags: '--no-release', help: 'Compile without optimisation' },
  { flags: '--keep-debug', help: 'Keep debug information and symbols' },
  { flags: '-D, --define FLAG', help: 'Flag of conditional compilation', repeat: true },
  { flags: '--mcpu CPU', help: 'Processor to compile for' },
  { flags: '--link-flags FLAGS', help: 'Further flags for the linker' },
  {
    flags: '--with-package NAME',
    help: 'Debian package with a library to link with, without architecture',
    repeat: true,
  },
  {
    flags: '--with-files PATH',
    help: 'File or directory that the program reads when it runs; it is put into the working directory (default: public, if there is one)',
    repeat: true,
  },
  {
    flags: '--tls WHEN',
    help: 'OpenSSL and certificates: on, off, or auto, when the program makes TLS connections',
  },
  {
    flags: '--timezones WHEN',
    help: 'Time zone database: on, off, or auto, when the program loads time zones',
  },
  {
    flags: '--base IMAGE',
    help: 'What the image stands on: scratch (default), distroless (scratch with certificates and time zones in any case), alpine, debian, or an image',
  },
  {
    flags: '--no-init',
    help: 'Start the program itself, not tini, which passes signals on and reaps processes',
  },
  { flags: '--expose PORT', help: 'Port that the program listens on', repeat: true },
  {
    flags: '--health CHECK',
    help: 'Health check: http://localhost:PORT/PATH, asked by a small program, or a command',
  },
  {
    flags: '--private-git HOST',
    help: 'Repositories on HOST are fetched with --secret id=GIT_AUTH_TOKEN.HOST',
    repeat: true,
  },
  {
    flags: '--allow-expired',
    help: 'Accept Release files of Debian that have expired, as frozen snapshots have them',
  },
];

/** Flags for projects without a Dockerfile: what a recipe is told. `lapidary.yml` knows the same names. */
export const RECIPE_OPTIONS: readonly OptionSpec[] = OPTIONS.map((option) => ({
  ...option,
  group: 'Projects without a Dockerfile',
}));

type Recipe = NonNullable<BuildRequest['recipe']>;

const WHEN = ['auto', 'on', 'off'] as const;

/** Only what was given, so that the project's own settings hold otherwise. @throws LapidaryError USAGE */
export function readRecipe(flags: Flags): Pick<BuildRequest, 'recipe'> {
  const recipe = {
    ...list('targets', flags.list('crystal-target')),
    ...choice(flags, 'toolchain', ['auto', 'debian', 'official']),
    ...choice(flags, 'link', ['static', 'dynamic']),
    ...(flags.on('no-release') ? { release: false } : {}),
    ...(flags.on('keep-debug') ? { debug: true } : {}),
    ...list('defines', flags.list('define')),
    ...text('cpu', flags.text('mcpu')),
    ...text('linkFlags', flags.text('link-flags')),
    ...list('packages', flags.list('with-package')),
    ...list('files', flags.list('with-files')),
    ...choice(flags, 'tls', WHEN),
    ...choice(flags, 'timezones', WHEN),
    ...text('base', flags.text('base')),
    ...(flags.on('no-init') ? { init: false } : {}),
    ...list('expose', flags.list('expose')),
    ...health(flags.text('health')),
    ...list('gitTokens', flags.list('private-git')),
    ...(flags.on('allow-expired') ? { allowExpired: true } : {}),
  };
  return Object.keys(recipe).length === 0 ? {} : { recipe };
}

function list(key: keyof Recipe, values: readonly string[]): Recipe {
  return values.length === 0 ? {} : { [key]: values };
}

function text(key: keyof Recipe, value: string | undefined): Recipe {
  return value === undefined ? {} : { [key]: value };
}

function choice(
  flags: Flags,
  name: 'toolchain' | 'link' | 'tls' | 'timezones',
  names: readonly string[],
): Recipe {
  const value = flags.text(name);
  return value === undefined ? {} : { [name]: oneOf(`--${name}`, value, names) };
}

/** A URL, a command as JSON, or one as words. */
function health(value: string | undefined): Recipe {
  if (value === undefined) return {};
  // What is no URL of the program itself is refused with the rest of the settings
  if (/^[a-z]+:\/\//i.test(value)) return { healthUrl: value };
  const words = value.startsWith('[') ? jsonWords(value) : value.split(/\s+/).filter((word) => word !== '');
  if (words.length > 0) return { healthCommand: words };
  throw new LapidaryError('USAGE', `--health is not understood: ${quoted(value)}`, {
    hint: 'expected http://localhost:PORT/PATH, or a command',
  });
}

function jsonWords(value: string): string[] {
  try {
    const words: unknown = JSON.parse(value);
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : [];
  } catch {
    return [];
  }
}
