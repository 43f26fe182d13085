import { basename, join, normalize, resolve } from 'node:path/posix';
import type { InstructionOf, MountFlag, Word } from '../dockerfile/index.ts';
import { quoted, type SourceRange } from '../errors/index.ts';
import { MountOptions } from './mount-options.ts';
import type { MountOwner, Op, RunMount } from './op.ts';
import type { StageState } from './stage-state.ts';

/** What surrounds the mounts of an instruction. */
export type MountSite = {
  /** What `from=` names; `undefined` when it is not known yet. */
  readonly source: (word: Word, name: string) => Op | undefined;
  /** Replaces the variables of `from=`, which may also be those before the first FROM. */
  readonly expandFrom: (word: Word) => string;
  readonly warn: (message: string, at: SourceRange) => void;
  /** Keeps apart caches of the same id: BUILDKIT_CACHE_MOUNT_NS. */
  readonly cacheNamespace: string;
};

/**
 * The mounts of a RUN as they are mounted: parents before what is in them, files of the person who builds last.
 * `undefined` when something that one of them is from is not known yet.
 *
 * @throws SourceError DOCKERFILE_BAD_FLAG
 * Source: BuildKit, frontend/dockerfile/instructions/commands_runmount.go and dockerfile2llb/convert_runmount.go.
 */
export function planMounts(
  state: StageState,
  { mounts }: InstructionOf<'run'>,
  site: MountSite,
): readonly RunMount[] | undefined {
  let agents = 0;
  const planned = mounts.map((flag) => {
    const options = new MountOptions(flag, { state, expandFrom: site.expandFrom, warn: site.warn });
    return planMount(options, { state, site, flag, agent: () => agents++ });
  });
  const known = planned.filter((mount) => mount !== undefined);
  if (known.length < planned.length) return undefined;
  return known.sort((a, b) => rank(a) - rank(b) || compareTargets(a.target ?? '', b.target ?? ''));
}

const rank = ({ type }: RunMount): number => ['secret', 'ssh'].indexOf(type);

function compareTargets(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

type Place = {
  readonly state: StageState;
  readonly site: MountSite;
  readonly flag: MountFlag;
  /** Counts the agents of this instruction. */
  readonly agent: () => number;
};

function planMount(options: MountOptions, place: Place): RunMount | undefined {
  switch (options.type) {
    case 'bind':
      return planBind(options, place);
    case 'cache':
      return planCache(options, place);
    case 'tmpfs': {
      const size = options.bytes('size') ?? 0;
      const common = { type: 'tmpfs', at: options.at, target: targetOf(options, place) } as const;
      // Zero is the kernel's word for no limit, and BuildKit's for none given
      return { ...common, readonly: options.readonly(false), ...(size === 0 ? {} : { size }) };
    }
    case 'secret':
      return planSecret(options, place);
    case 'ssh':
      return planAgent(options, place);
  }
}

/** Relative ones are below the working directory, which is also what an absent one means. */
function targetOf(options: MountOptions, { state }: Place, fallback = ''): string {
  const target = resolve('/', state.cwd, options.text('target') ?? fallback);
  if (target.includes('\0')) throw options.error('a target cannot hold a NUL', 'target', 'remove it');
  if (target !== '/') return target;
  const given = options.text('target') !== undefined;
  throw options.error(
    given ? `nothing can be mounted on ${quoted(target)}` : 'a mount needs a target',
    'target',
    given ? 'choose a directory below it' : 'write target=PATH',
  );
}

const sourceOf = (options: MountOptions): string =>
  join('/', options.text('source') ?? '').replace(/(.)\/$/, '$1');

/** Where the files come from; `undefined` when that is not known yet. */
function originOf(options: MountOptions, { site }: Place): Op | undefined {
  const name = options.text('from') ?? '';
  return site.source({ text: `from=${name}`, span: options.span('from') }, name);
}

function planBind(options: MountOptions, place: Place): RunMount | undefined {
  const common = {
    type: 'bind',
    at: options.at,
    source: sourceOf(options),
    target: targetOf(options, place),
  } as const;
  const from: Op | undefined = options.has('from') ? originOf(options, place) : { op: 'context', name: '' };
  return from && { ...common, from, readonly: options.readonly(true) };
}

function planCache(options: MountOptions, place: Place): RunMount | undefined {
  // As written and not as resolved, as BuildKit has it: a relative target names one cache in all directories
  const id = options.text('id') ?? normalize(options.text('target') ?? '.');
  const owner = ownerOf(options);
  const mount = {
    type: 'cache',
    at: options.at,
    id: place.site.cacheNamespace === '' ? id : `${place.site.cacheNamespace}/${id}`,
    target: targetOf(options, place),
    readonly: options.readonly(false),
    sharing: options.oneOf('sharing', ['shared', 'private', 'locked']) ?? 'shared',
    source: sourceOf(options),
    ...(Object.keys(owner).length === 0 ? {} : { owner }),
  } as const;
  if (!options.has('from')) {
    if (mount.source === '/') return mount;
    throw options.error(
      'source needs from',
      'source',
      'an empty cache has nothing to take: name a stage or an image with from=',
    );
  }
  const from = originOf(options, place);
  return from && { ...mount, from };
}

function ownerOf(options: MountOptions): Partial<MountOwner> {
  const [uid, gid, mode] = (['uid', 'gid', 'mode'] as const).map((name) => options.number(name));
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mode === undefined ? {} : { mode }),
  };
}

function planSecret(options: MountOptions, place: Place): RunMount {
  const [id, source, target, env] = (['id', 'source', 'target', 'env'] as const).map((name) =>
    options.text(name),
  );
  if (id !== undefined && source !== undefined)
    throw options.error('a secret has an id or a source, not both', 'source', 'remove one of them');
  const name = id ?? source ?? (target === undefined ? undefined : basename(target));
  if (name === undefined || name === '') throw options.error('a secret needs an id', 'id', 'write id=NAME');
  if (env !== undefined && /[=\0]/.test(env))
    throw options.error(`${quoted(env)} cannot be the name of a variable`, 'env', 'write env=NAME');
  const file = env === undefined || target !== undefined;
  return {
    type: 'secret',
    at: options.at,
    id: name,
    ...(file ? { target: targetOf(options, place, `/run/secrets/${basename(name)}`) } : {}),
    ...(env === undefined ? {} : { env }),
    required: options.flag('required'),
    uid: 0,
    gid: 0,
    mode: 0o400,
    ...ownerOf(options),
  };
}

function planAgent(options: MountOptions, place: Place): RunMount {
  const target = targetOf(options, place, `/run/buildkit/ssh_agent.${place.agent()}`);
  return {
    type: 'ssh',
    at: options.at,
    id: options.text('id') ?? 'default',
    target,
    required: options.flag('required'),
    uid: 0,
    gid: 0,
    mode: 0o600,
    ...ownerOf(options),
  };
}
