import { LapidaryError, quoted } from '../../errors/index.ts';
import { gitHead } from '../git-head.ts';
import type { ProjectFiles, RecipeOptions } from '../types.ts';
import { YamlDocument } from '../yaml-document.ts';
import { pathOf, pickTargets, readShardFile, type ShardFile, type Target } from './shard-file.ts';
import { isSsh, type Locked, readShardLock } from './shard-lock.ts';

/** All that the Dockerfile of a Crystal project is made of. */
export type CrystalProject = {
  readonly shard: ShardFile;
  /** Not empty; the first is what the image starts. */
  readonly targets: readonly Target[];
  /** Absent when there is no lock file. */
  readonly lock?: readonly Locked[];
  /** Whether there is a `shard.override.yml`. */
  readonly override: boolean;
  /** Directories of dependencies by path, which are needed before the sources. */
  readonly paths: readonly string[];
  /** Whether a dependency is fetched with a key of ssh. */
  readonly ssh: boolean;
  /** The commit that is checked out. */
  readonly commit?: string;
  /** Whether the project depends on anything. */
  readonly hasDependencies: boolean;
  /** Files and directories that the program reads when it runs. */
  readonly files: readonly string[];
};

/** @throws SourceError, LapidaryError PROJECT_INVALID */
export async function readProject(files: ProjectFiles, options: RecipeOptions): Promise<CrystalProject> {
  const text = await files.readText('shard.yml');
  if (text === undefined) throw new LapidaryError('PROJECT_INVALID', 'there is no shard.yml');
  const shard = readShardFile(new YamlDocument({ name: 'shard.yml', text }));
  const targets = await existing(pickTargets(await withGuess(shard, files), options.targets), files);
  const locked = await files.readText('shard.lock');
  const lock =
    locked === undefined ? undefined : readShardLock(new YamlDocument({ name: 'shard.lock', text: locked }));
  checkLock(shard, lock);
  const commit = await gitHead(files);
  const override = (await files.readText('shard.override.yml')) !== undefined;
  return {
    shard,
    targets,
    ...(lock && { lock }),
    override,
    ...(commit === undefined ? {} : { commit }),
    paths: pathDependencies(shard, lock),
    ssh: (lock ?? []).some(({ url }) => url !== undefined && isSsh(url)),
    hasDependencies: shard.dependencies.length > 0,
    files: await runtimeFiles(files, options),
  };
}

/** Without targets the file that is called like the project is one, as `crystal init app` makes it. */
async function withGuess(shard: ShardFile, files: ProjectFiles): Promise<ShardFile> {
  if (shard.targets.length > 0) return shard;
  const main = `src/${shard.name}.cr`;
  if ((await files.readText(main)) !== undefined) {
    const { root } = new YamlDocument({ name: 'shard.yml', text: '' });
    return { ...shard, targets: [{ name: shard.name, main, at: root }] };
  }
  throw new LapidaryError('PROJECT_INVALID', `shard.yml has no targets, and there is no ${quoted(main)}`, {
    hint: 'a target names a program and its file:\n  targets:\n    NAME:\n      main: src/NAME.cr',
  });
}

async function existing(targets: readonly Target[], files: ProjectFiles): Promise<readonly Target[]> {
  for (const { name, main, at } of targets) {
    if ((await files.readText(main)) !== undefined) continue;
    throw at.wrong(
      `a file of the project, but there is no ${quoted(main)}`,
      `correct the \`main\` of ${name}`,
    );
  }
  return targets;
}

/** A lock that lacks a dependency would only be found by shards, after the compiler has been installed. */
function checkLock({ dependencies }: ShardFile, lock: readonly Locked[] | undefined): void {
  if (lock === undefined) return;
  const names = new Set(lock.map(({ name }) => name));
  const missing = dependencies.find(({ name }) => !names.has(name));
  if (missing === undefined) return;
  throw missing.at.wrong(
    `a dependency that shard.lock names, too: it has no ${quoted(missing.name)}`,
    'the lock file is out of date: run `shards install` and keep what it writes',
  );
}

/** Of the lock as well: dependencies may depend on others by path. */
function pathDependencies({ dependencies }: ShardFile, lock: readonly Locked[] = []): readonly string[] {
  const paths = dependencies.flatMap(({ path, at }) => (path === undefined ? [] : [checkedPath(path, at)]));
  const locked = lock.flatMap(({ path }) => (path === undefined ? [] : [path.replace(/^\.\//, '')]));
  return [...new Set([...paths, ...locked])].filter((path) => !path.startsWith('/')).sort();
}

function checkedPath(text: string, at: ShardFile['dependencies'][number]['at']): string {
  if (!/^(?:\/|(?:.*\/)?\.\.(?:\/|$))/.test(text)) return pathOf(at);
  throw at.wrong(
    'a path inside of the project: what is outside is not in the build context',
    'move the dependency below the project, or name its repository with `git`',
  );
}

/** What web frameworks serve is there without being asked for. */
async function runtimeFiles(files: ProjectFiles, options: RecipeOptions): Promise<readonly string[]> {
  const asked = options.files ?? ((await files.list('public')) === undefined ? [] : ['public']);
  for (const path of asked) {
    if (/^(?:\/|(?:.*\/)?\.\.(?:\/|$))|[^\w./+@-]/.test(path)) {
      const hint = 'name files and directories of the project, relative to it';
      throw new LapidaryError('PROJECT_INVALID', `${quoted(path)} is not inside of the project`, { hint });
    }
  }
  return asked;
}
