import type { ProjectFiles } from './types.ts';

/** A project in memory, by path. */
export function projectOf(files: Readonly<Record<string, string>>): ProjectFiles {
  const below = (path: string): string[] =>
    Object.keys(files).flatMap((name) => (name.startsWith(`${path}/`) ? [name.slice(path.length + 1)] : []));
  return {
    folder: 'project',
    readText: (path) => Promise.resolve(files[path]),
    list: (path) => {
      const names = [...new Set(below(path).map((name) => name.split('/')[0] ?? ''))];
      return Promise.resolve(names.length === 0 ? undefined : names.sort());
    },
  };
}

/** The least that is a project. */
export const LEAST: Readonly<Record<string, string>> = {
  'shard.yml': 'name: app\nversion: 0.1.0\ntargets:\n  app:\n    main: src/app.cr\n',
  'src/app.cr': 'puts 1',
};
