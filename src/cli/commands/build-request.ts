import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { BuildRequest, OutputSpec } from '../../build/index.ts';
import { LapidaryError, quoted } from '../../errors/index.ts';
import type { Flags, Invocation } from '../command.ts';
import type { Io } from '../io.ts';
import { readBuildArgs, readContexts, readLabels, readUnset } from '../key-values.ts';
import { readMaxSize } from '../max-size-flag.ts';
import { oneOf } from '../one-of.ts';
import { parseOutput } from '../output-spec.ts';
import { readNumber, readPlatforms, readStdinText, refuseTerminal } from '../read-input.ts';
import { readRecipe } from '../recipe-flags.ts';

/**
 * What the command line asks for. Standard input is read where it is the Dockerfile; nothing else is.
 *
 * @throws LapidaryError USAGE, UNSUPPORTED, PLATFORM_INVALID
 */
export async function readBuildRequest({ flags, args, io }: Invocation): Promise<BuildRequest> {
  const target = flags.text('target');
  const file = flags.text('file');
  const context = readContext(args[0] ?? '.', io);
  const request: BuildRequest = {
    context,
    ...readRecipe(flags),
    ...(target === undefined ? {} : { target }),
    buildArgs: readBuildArgs(flags.list('build-arg'), io.env),
    ...readPlatforms(flags),
    ...shard(flags),
    ...preflight(flags),
    ...readMaxSize(flags.text('max-size')),
    ...tests(flags),
    tags: flags.list('tag'),
    outputs: readOutputs(flags, io),
    contexts: readContexts(flags.list('build-context')),
    labels: readLabels(flags.list('label')),
    ...pullPolicy(flags),
    ...locked(flags, io),
    unset: readUnset(flags.list('unset')),
    noCache: flags.on('no-cache'),
    noCacheStages: flags.list('no-cache-filter').flatMap((text) => text.split(',')),
    ...readNetwork(flags),
    ...epoch(flags, io),
    ...jobs(flags),
  };
  return file === undefined ? request : { ...request, dockerfile: await readDockerfile(file, context, io) };
}

const REMOTE = /^(?:https?|git|ssh):\/\//i;

/** Git URLs without a scheme; a directory that is there goes before `github.com/…`. */
const isRemote = (path: string, cwd: string): boolean =>
  REMOTE.test(path) ||
  /^[\w-]+@[\w.-]+:/.test(path) ||
  (path.startsWith('github.com/') && !existsSync(resolve(cwd, path)));

/** A directory, a URL, or standard input. @throws LapidaryError USAGE when that is a terminal */
export function readContext(path: string, { cwd, stdin }: Io): BuildRequest['context'] {
  if (isRemote(path, cwd)) return { type: 'remote', location: path };
  if (path !== '-') return { type: 'directory', path: resolve(cwd, path) };
  refuseTerminal(stdin(), 'the build context is to be read from standard input, which is a terminal');
  return { type: 'stream' };
}

type DockerfileRequest = NonNullable<BuildRequest['dockerfile']>;

/** What `--file` names. @throws LapidaryError USAGE */
export async function readDockerfile(
  file: string,
  context: BuildRequest['context'],
  io: Io,
): Promise<DockerfileRequest> {
  if (file === '-') {
    if (context.type !== 'stream')
      return { type: 'text', text: await readStdinText(io, 'the Dockerfile'), name: 'stdin' };
    throw new LapidaryError('USAGE', 'the Dockerfile and the build context are both to be standard input', {
      hint: 'put the Dockerfile into the archive, or name a directory',
    });
  }
  if (/^https?:\/\//i.test(file)) return { type: 'remote', url: file };
  // As docker: relative to the context where that is not on this machine
  if (context.type === 'directory' || isAbsolute(file)) return { type: 'file', path: resolve(io.cwd, file) };
  return { type: 'inside', path: file };
}

/** `--output` and `--push`. @throws LapidaryError USAGE, UNSUPPORTED */
export function readOutputs(flags: Flags, io: Io): OutputSpec[] {
  const outputs = flags.list('output').map((text) => parseOutput(text, io.cwd));
  if (flags.on('push')) outputs.push({ type: 'registry', names: [] });
  const piped = outputs.filter((output) => 'dest' in output && output.dest === '-');
  if (piped.length > 0) refuseTerminal(io.stdout, 'an output goes to standard output, which is a terminal');
  if (piped.length > 1 || (piped.length === 1 && flags.on('quiet'))) {
    const rival = piped.length > 1 ? 'another output' : 'the image ID of --quiet';
    throw new LapidaryError('USAGE', `an output and ${rival} both go to standard output`, {
      hint: piped.length > 1 ? 'give one of them a dest' : 'use --progress quiet and --iidfile',
    });
  }
  return outputs;
}

function preflight(flags: Flags): Pick<BuildRequest, 'preflight'> {
  const text = flags.text('preflight');
  return text === undefined ? {} : { preflight: oneOf('--preflight', text, ['warn', 'error', 'off']) };
}

function tests(flags: Flags): Pick<BuildRequest, 'tests'> {
  const [commands, health] = [flags.list('test'), flags.on('test-health')];
  return commands.length > 0 || health ? { tests: { commands, health } } : {};
}

function shard(flags: Flags): Pick<BuildRequest, 'shard'> {
  const text = flags.text('shard');
  if (text === undefined) return {};
  const [, index = 0, of = 0] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (index >= 1 && index <= of) return { shard: { index, of } };
  throw new LapidaryError('USAGE', `--shard is not understood: ${quoted(text)}`, {
    hint: 'expected NUMBER/COUNT, such as 1/2 on the first of two machines',
  });
}

const POLICIES = ['always', 'missing', 'newer', 'never'] as const;

function pullPolicy(flags: Flags): Pick<BuildRequest, 'pull'> {
  const text = flags.text('pull');
  if (text === undefined) return {};
  // Docker's flag is a switch
  const pull = POLICIES.find((one) => one === { true: 'always', false: 'missing' }[text] || one === text);
  if (pull !== undefined) return { pull };
  throw new LapidaryError('USAGE', `--pull has no value ${quoted(text)}`, {
    hint: `expected ${POLICIES.join(', ')}`,
  });
}

function locked(flags: Flags, { cwd }: Io): Pick<BuildRequest, 'locked'> {
  const file = flags.text('lock-file');
  if (flags.on('locked')) return { locked: file === undefined ? {} : { file: resolve(cwd, file) } };
  if (file === undefined) return {};
  throw new LapidaryError('USAGE', '--lock-file is for --locked', { hint: 'add --locked' });
}

function epoch(flags: Flags, { env }: Io): { readonly sourceDateEpoch?: number } {
  const flag = flags.text('source-date-epoch');
  const text = flag ?? env['SOURCE_DATE_EPOCH'];
  if (text === undefined || (flag === undefined && text === '')) return {};
  const name = flag === undefined ? '$SOURCE_DATE_EPOCH' : '--source-date-epoch';
  return { sourceDateEpoch: readNumber(text, { name, least: 0, greatest: 253_402_300_799 }) };
}

const NETWORKS = ['default', 'none', 'host'];
const ENTITLEMENTS = ['network.host', 'security.insecure'] as const;

/** As in docker, asking for the machine's network for the whole build allows it to its steps. */
function readNetwork(flags: Flags): Pick<BuildRequest, 'network' | 'allow'> {
  const allow = flags
    .list('allow')
    .flatMap((text) => text.split(',').map((one) => oneOf('--allow', one, ENTITLEMENTS)));
  const network = oneOf('--network', flags.text('network') ?? 'default', NETWORKS);
  if (network === 'host') return { network, allow: [...allow, 'network.host'] };
  return network === 'none' ? { network, allow } : { allow };
}

function jobs(flags: Flags): { readonly jobs?: number } {
  const text = flags.text('jobs');
  return text === undefined ? {} : { jobs: readNumber(text, { name: '--jobs', least: 1, greatest: 1024 }) };
}
