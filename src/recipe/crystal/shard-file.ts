import { LapidaryError, quoted, suggest } from '../../errors/index.ts';
import type { YamlDocument, YamlValue } from '../yaml-document.ts';

/** A program of the project. */
export type Target = { readonly name: string; readonly main: string; readonly at: YamlValue };

/** A dependency by path; all others come from repositories. */
export type Dependency = {
  readonly name: string;
  readonly path?: string;
  readonly at: YamlValue;
};

/**
 * What is used of `shard.yml`.
 * @see https://github.com/crystal-lang/shards/blob/master/docs/shard.yml.adoc
 */
export type ShardFile = {
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly license?: string;
  readonly authors: readonly string[];
  readonly homepage?: string;
  readonly repository?: string;
  readonly documentation?: string;
  /** As it is written, with its place. */
  readonly crystal?: { readonly text: string; readonly at: YamlValue };
  readonly targets: readonly Target[];
  readonly dependencies: readonly Dependency[];
  /** Libraries that the project says it needs. */
  readonly libraries: readonly string[];
};

/** Names that get into commands, paths and the names of stages. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** Paths that can stand in a Dockerfile without quotes, and do not leave the project. */
const PATH = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[\w.+@-][\w./+@-]*$/;

/** @throws SourceError PROJECT_INVALID */
export function readShardFile({ root }: YamlDocument): ShardFile {
  const name = root.get('name');
  if (!name.isThere) throw root.wrong('a name', 'add `name: …`, as shards demands it');
  return {
    name: named(name),
    ...texts(root, ['version', 'description', 'license', 'homepage', 'repository', 'documentation']),
    authors: root.get('authors').texts() ?? [],
    ...compiler(root.get('crystal')),
    targets: root.get('targets').entries().map(readTarget),
    dependencies: root.get('dependencies').entries().map(readDependency),
    libraries: root
      .get('libraries')
      .entries()
      .map(([library]) => library),
  };
}

function compiler(value: YamlValue): Pick<ShardFile, 'crystal'> {
  const text = value.text();
  return text === undefined ? {} : { crystal: { text, at: value } };
}

function texts<Key extends string>(
  root: YamlValue,
  keys: readonly Key[],
): { readonly [key in Key]?: string } {
  const found = keys.map((key) => [key, root.get(key).text()] as const);
  return Object.fromEntries(found.filter(([, text]) => text !== undefined)) as { [key in Key]?: string };
}

function readTarget([name, value]: [string, YamlValue]): Target {
  const main = value.get('main');
  if (!NAME.test(name)) throw value.wrong('a target whose name is letters, digits, `_`, `.` and `-`');
  if (!main.isThere) throw value.wrong('a `main`', 'a target names its file: `main: src/NAME.cr`');
  return { name, main: pathOf(main), at: main };
}

function readDependency([name, value]: [string, YamlValue]): Dependency {
  const path = value.get('path');
  return path.isThere ? { name, path: path.text() ?? '', at: path } : { name, at: value };
}

function named(value: YamlValue): string {
  const text = value.text() ?? '';
  if (NAME.test(text)) return text;
  throw value.wrong('letters, digits, `_`, `.` and `-`');
}

/** A path of the project. @throws SourceError PROJECT_INVALID */
export function pathOf(value: YamlValue): string {
  const text = (value.text() ?? '').replace(/^\.\//, '').replace(/\/+$/, '');
  if (PATH.test(text)) return text;
  throw value.wrong('a path inside of the project, without spaces');
}

/** The targets that are built, the one that the image starts first. @throws SourceError PROJECT_INVALID */
export function pickTargets(shard: ShardFile, asked: readonly string[] = []): readonly Target[] {
  const { targets, name } = shard;
  const found = asked.map((one) => targets.find((target) => target.name === one) ?? one);
  const missing = found.find((one) => typeof one === 'string');
  if (missing !== undefined) throw noTarget(missing, shard);
  if (found.length > 0) return found as Target[];
  const main = targets.find((target) => target.name === name) ?? targets[0];
  return main === undefined ? [] : [main, ...targets.filter((target) => target !== main)];
}

function noTarget(missing: string, { targets }: ShardFile): Error {
  const names = targets.map((target) => target.name);
  const near = suggest(missing, names);
  const hint = near === undefined ? `the targets are ${names.join(', ') || 'none'}` : `did you mean ${near}?`;
  return new LapidaryError('PROJECT_INVALID', `shard.yml has no target ${quoted(missing)}`, { hint });
}
