import { ImageFiles } from '../elf/index.ts';
import { LapidaryError } from '../errors/index.ts';
import { environmentMap } from '../plan/index.ts';
import { resolveOwner } from '../tree/index.ts';
import type { User } from './access.ts';
import type { ImageView, PreflightFinding } from './finding.ts';

/** An image, and what is asked of it again and again. */
export type Scene = ImageView & {
  readonly files: ImageFiles;
  readonly user: User;
  /** The user's directory, where the image lists one. */
  readonly home: string | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** Directories, in the order in which a program without a slash is looked for. */
  readonly path: readonly string[];
  readonly libraryPath: readonly string[];
};

/** What runtimes take where an image does not say. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Looks up the user; one that the image does not have is a finding. */
export async function openScene(
  image: ImageView,
): Promise<{ readonly scene: Scene; readonly findings: readonly PreflightFinding[] }> {
  const files = new ImageFiles(image.filesystem);
  const env = environmentMap(image.config.Env ?? []);
  const [passwd, group] = await Promise.all([files.text('/etc/passwd'), files.text('/etc/group')]);
  const accounts = {
    ...(passwd === undefined ? {} : { passwd }),
    ...(group === undefined ? {} : { group }),
  };
  const found = attempt(() => resolveOwner(image.config.User ?? '', accounts));
  const scene = {
    ...image,
    files,
    env,
    user: found instanceof LapidaryError ? undefined : found,
    home: env.get('HOME') ?? (found instanceof LapidaryError ? undefined : found.home),
    path: directories(env.get('PATH') ?? DEFAULT_PATH),
    libraryPath: directories(env.get('LD_LIBRARY_PATH') ?? ''),
  };
  if (!(found instanceof LapidaryError)) return { scene, findings: [] };
  const { message, hint } = found;
  return {
    scene,
    findings: [{ rule: 'UserNotFound', setting: 'User', message, ...(hint === undefined ? {} : { hint }) }],
  };
}

function attempt<T>(look: () => T): T | LapidaryError {
  try {
    return look();
  } catch (error) {
    if (error instanceof LapidaryError) return error;
    throw error;
  }
}

const directories = (list: string): string[] => list.split(':').filter((one) => one.startsWith('/'));
