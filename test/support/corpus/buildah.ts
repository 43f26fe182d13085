import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BuildRequest, Lapidary } from '../../../src/build/index.ts';
import { formatPlatform, hostPlatform } from '../../../src/oci/index.ts';
import { writeDockerArchives } from './bases.ts';
import { BASES, type Case, CORPUS } from './case.ts';
import { describeImage } from './observe.ts';
import { prepareCase } from './run-case.ts';

const run = promisify(execFile);

/** `buildah.json`: a case, or with a star the cases that begin so, and how buildah is known to differ there. */
const DIFFERENCES = Object.entries(
  JSON.parse(readFileSync(join(CORPUS, 'buildah.json'), 'utf8')) as Record<string, string>,
);

/** Why a case is not compared; `undefined` where buildah should make the same. */
export function knownDifference({ name }: Case): string | undefined {
  return DIFFERENCES.find(([pattern]) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  )?.[1];
}

/** Another builder with a storage of its own below `work`, where the corpus's base images are known, too. */
export class Buildah {
  readonly #work: string;

  private constructor(work: string) {
    this.#work = work;
  }

  static async open(work: string): Promise<Buildah> {
    const peer = new Buildah(join(work, 'buildah'));
    await mkdir(join(peer.#work, 'home'), { recursive: true });
    const archives = await writeDockerArchives(BASES, join(peer.#work, 'bases'));
    for (const archive of archives) await peer.#command('pull', '-q', `docker-archive:${archive}`);
    return peer;
  }

  /** Builds a case and tells what it came to, in the form of the sections `[tree]` and `[config]`; or its complaint. */
  async build(one: Case, store: string): Promise<string> {
    const place = join(this.#work, 'cases', one.name);
    await rm(place, { recursive: true, force: true });
    const { request } = await prepareCase(one, place);
    const archive = join(this.#work, 'result.tar');
    await rm(archive, { force: true });
    try {
      await this.#command(...(await this.#arguments(one, request, place)));
      await this.#command(
        'push',
        '-q',
        '--format',
        'v2s2',
        'localhost/case',
        `docker-archive:${archive}:peer/case`,
      );
    } catch (error) {
      return `failed: ${String((error as { stderr?: unknown }).stderr).trim()}`;
    }
    await using lapidary = await Lapidary.open({ store });
    await lapidary.load({ path: archive });
    return describeImage({ store, reference: 'peer/case', events: [], sections: [] });
  }

  async #arguments(one: Case, request: BuildRequest, place: string): Promise<string[]> {
    const file = join(place, 'Dockerfile');
    if (one.dockerfile !== undefined) await writeFile(file, one.dockerfile);
    const [platform = hostPlatform(process.arch, 'linux')] =
      request.platforms === 'all' ? [] : (request.platforms ?? []);
    const pairs = (flag: string, values: Readonly<Record<string, string>> = {}): string[] =>
      Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
    return [
      ...'bud -q --isolation chroot --layers --format docker --identity-label=false --pull-never'.split(' '),
      '-t',
      'localhost/case',
      '--platform',
      formatPlatform(platform),
      ...(one.dockerfile === undefined ? [] : ['-f', file]),
      ...(request.target === undefined ? [] : ['--target', request.target]),
      ...pairs('--build-arg', request.buildArgs),
      ...pairs('--label', request.labels),
      ...pairs('--build-context', request.contexts),
      join(place, 'context'),
    ];
  }

  async #command(...args: readonly string[]): Promise<void> {
    const storage = ['--root', join(this.#work, 'root'), '--runroot', join(this.#work, 'run')];
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: join(this.#work, 'home'),
      BUILDAH_ISOLATION: 'chroot',
    };
    await run('buildah', [...storage, '--storage-driver', process.env['BUILDAH_STORAGE'] ?? 'vfs', ...args], {
      env,
      maxBuffer: 2 ** 26,
    });
  }
}

/** Lines that say nothing of the Dockerfile: what only BuildKit writes, and where buildah mounts things for RUN. */
const PASSED_OVER: readonly RegExp[] = [
  /^ArgsEscaped/,
  /^dir 0755 0:0 \/(?:dev|proc|run|sys)$/,
  /^file 0755 0:0 \/etc\/(?:hostname|hosts|resolv\.conf) ""$/,
];

/** `[tree]` and `[config]` of a description, without what builders may do as they like. */
export function comparable(body: string): string {
  const lines = body.replace(/\n\[(?!config\]|tree\])[\s\S]*$/, '\n').split('\n');
  return lines.filter((line) => !PASSED_OVER.some((pattern) => pattern.test(line))).join('\n');
}
