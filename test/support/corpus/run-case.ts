import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type BuildOptions,
  type BuildRequest,
  build,
  checkBuild,
  Lapidary,
} from '../../../src/build/index.ts';
import { readUnset } from '../../../src/cli/key-values.ts';
import { LapidaryError } from '../../../src/errors/index.ts';
import { parsePlatform } from '../../../src/oci/index.ts';
import type { BuildEvent } from '../../../src/solve/index.ts';
import { writeBases } from './bases.ts';
import { BASES, type Case, updateCase } from './case.ts';
import { parseLines } from './lines.ts';
import { type MainInput, mainInput } from './main-input.ts';
import { checkLines, describeImage } from './observe.ts';
import { CaseServers } from './servers.ts';
import { copyFiles, writeFiles } from './write-files.ts';

type Outcome = { readonly file: Case['expected']['file']; readonly body: string };

/** A store with the corpus's base images, servers, and room for what cases need. */
export class Corpus implements AsyncDisposable {
  readonly #work: string;
  readonly #servers: CaseServers;

  private constructor(work: string, servers: CaseServers) {
    this.#work = work;
    this.#servers = servers;
  }

  static async open(work: string): Promise<Corpus> {
    const archive = await writeBases(BASES, work);
    await using lapidary = await Lapidary.open({ store: join(work, 'store') });
    await lapidary.load({ path: archive });
    return new Corpus(work, await CaseServers.open(join(work, 'served')));
  }

  /**
   * What a case comes to and what it should come to, for a test to compare. With UPDATE_FIXTURES=1 what came out is
   * written down as expected: judge every line by the reference before it is committed.
   */
  async try(one: Case): Promise<{ readonly found: Outcome; readonly expected: Outcome }> {
    const found = await this.#run(one);
    const { file, body } = one.expected;
    if (process.env['UPDATE_FIXTURES'] !== '1' || found.file !== file)
      return { found, expected: { file, body } };
    updateCase(one, found.body);
    return { found, expected: found };
  }

  /** Builds a case and tells what it came to, in the form of its `expected.txt` or `error.txt`. */
  async #run(one: Case): Promise<Outcome> {
    const place = join(this.#work, 'cases', one.name);
    await rm(place, { recursive: true, force: true });
    const addresses = new Map<string, string>();
    const plain = (text: string): string =>
      [...addresses].reduce(
        (all, [name, url]) => all.replaceAll(url, name),
        text.replaceAll(place, '<case>'),
      );
    await using resources = new AsyncDisposableStack();
    const ssh = one.options.ssh
      ? await startAgent(join(this.#work, `agent-${process.hrtime.bigint()}`))
      : undefined;
    if (ssh) resources.use(ssh);
    try {
      const prepared = await prepareCase(one, place, { servers: this.#servers, addresses });
      const agent = ssh && { ssh: new Map([['default', [ssh.socket]]]) };
      return { file: 'expected.txt', body: plain(await this.#describe(one, prepared, { ...agent })) };
    } catch (error) {
      if (!(error instanceof LapidaryError)) throw error;
      const text = plain(error.render());
      // How long an address is depends on the port
      return { file: 'error.txt', body: `${addresses.size === 0 ? text : text.replace(/\^+/g, '^')}\n` };
    }
  }

  async #describe(
    one: Case,
    { request, stdin }: Prepared,
    credentials: Pick<BuildOptions, 'ssh'>,
  ): Promise<string> {
    const store = join(this.#work, 'store');
    const common = { store, secrets: secretsOf(one), ...credentials, ...(stdin && { stdin }) };
    if (one.options.check) return checkLines(await checkBuild(request, common));
    const events: BuildEvent[] = [];
    // Images of the corpus are made of texts, which nobody starts
    const silent: BuildRequest = { ...request, preflight: 'off' };
    await build(silent, { ...common, onEvent: (event) => void events.push(event) });
    return describeImage({ store, reference: tagOf(one), events, sections: sectionsOf(one) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#servers[Symbol.asyncDispose]();
  }
}

type Agent = AsyncDisposable & { readonly socket: string };

/** An SSH agent without keys. */
async function startAgent(socket: string): Promise<Agent> {
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(agent.stdout, 'data');
  return {
    socket,
    async [Symbol.asyncDispose]() {
      agent.kill();
      await once(agent, 'exit');
    },
  };
}

/** Every case has a tag of its own, so that several may run at once. */
const tagOf = ({ name }: Case): string => `case/${name}`;

function secretsOf({ options }: Case): NonNullable<BuildOptions['secrets']> {
  const entries = Object.entries(options.secrets ?? {});
  return new Map(entries.map(([id, value]) => [id, { type: 'value', value: Buffer.from(value) }]));
}

/** The sections that a case asks for by having them. */
function sectionsOf({ expected }: Case): string[] {
  return [...expected.body.matchAll(/^\[(\w+)\]$/gm)].map(([, name = '']) => name);
}

export type Prepared = Pick<MainInput, 'stdin'> & { readonly request: BuildRequest };

/** Where a case may have things served, and the addresses they got: `<served>` and `<repository>` in its texts. */
export type Serving = { readonly servers: CaseServers; readonly addresses: Map<string, string> };

/** Lays the files of a case out: `context/`, and a directory for each other listing or folder it has. */
export async function prepareCase(one: Case, place: string, serving?: Serving): Promise<Prepared> {
  for (const name of ['context', ...directoriesOf(one)]) await prepareDirectory(one, join(place, name), name);
  if (serving !== undefined) await serve(one, place, serving);
  const located = (text: string): string =>
    [...(serving?.addresses ?? [])].reduce((all, [name, url]) => all.replaceAll(name, url), text);
  const { platform, contexts = {}, unset = [], target, ...rest } = one.options;
  const { buildArgs, labels, sourceDateEpoch, network, allow } = rest;
  const named = Object.entries(contexts).map(([name, value]) => [
    name,
    value.startsWith('./') ? resolve(place, value) : located(value),
  ]);
  const { stdin, ...input } = await mainInput(
    {
      input: one.options.input,
      directory: join(place, 'context'),
      dockerfile: one.dockerfile && located(one.dockerfile),
      name: flatName(one),
    },
    serving?.servers,
  );
  const request = {
    ...input,
    ...present({ target, buildArgs, labels, sourceDateEpoch, network, allow }),
    unset: readUnset(unset),
    ...(platform === undefined ? {} : { platforms: [parsePlatform(platform)] }),
    ...(named.length === 0 ? {} : { contexts: Object.fromEntries(named) as Record<string, string> }),
    tags: [tagOf(one)],
  };
  return { request, ...(stdin && { stdin }) };
}

/** The name of a case, as one name. */
const flatName = ({ name }: Case): string => name.replaceAll('/', '-');

function present<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

async function serve(one: Case, place: string, { servers, addresses }: Serving): Promise<void> {
  const name = flatName(one);
  if (has(one, 'served')) addresses.set('<served>', await servers.serve(join(place, 'served'), name));
  if (has(one, 'repository'))
    addresses.set('<repository>', servers.publish(join(place, 'repository'), `${name}-repository`));
}

const has = ({ folder }: Case, name: string): boolean =>
  existsSync(join(folder, name)) || existsSync(join(folder, `${name}.txt`));

function directoriesOf(one: Case): string[] {
  const named = Object.values(one.options.contexts ?? {}).flatMap((value) =>
    value.startsWith('./') ? value.slice(2) : [],
  );
  return [...named, ...['served', 'repository'].filter((name) => has(one, name))];
}

async function prepareDirectory({ folder }: Case, directory: string, name: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await copyFiles(join(folder, name), directory);
  const listing = join(folder, `${name}.txt`);
  if (existsSync(listing)) await writeFiles(directory, parseLines(readFileSync(listing, 'utf8')), folder);
}
