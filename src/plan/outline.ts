import {
  type Dockerfile,
  expandWord,
  type Instruction,
  type InstructionOf,
  variablesIn,
} from '../dockerfile/index.ts';
import type { Span } from '../errors/index.ts';
import {
  attempt,
  type CheckOptions,
  type FromView,
  type InstructionView,
  walkStages,
} from './checks/walk.ts';
import { stageName } from './stage-name.ts';

/** What a target can be given: the arguments, secrets and SSH agents it uses, each where it stands. */
export type Outline = {
  readonly name?: string;
  readonly description?: string;
  readonly args: readonly {
    readonly name: string;
    readonly description?: string;
    readonly value?: string;
    readonly span: Span;
  }[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
};
export type OutlineMount = { readonly name: string; readonly required: boolean; readonly span: Span };

export type Target = {
  readonly name?: string;
  readonly default: boolean;
  readonly description?: string;
  readonly base: string;
  readonly platform?: string;
  readonly span: Span;
};

/** The text behind the name in a comment right above. */
function descriptionOf(
  { comments }: Instruction,
  name: string | undefined,
): { readonly description?: string } {
  const line = comments?.find((one) => name !== undefined && one.startsWith(`${name} `));
  return line === undefined || name === undefined ? {} : { description: line.slice(name.length + 1) };
}

/** Every stage as something to build. */
export function listTargets(file: Dockerfile): Target[] {
  return file.stages.map(({ index, name, from }) => ({
    ...(name === undefined ? {} : { name }),
    default: index === file.stages.length - 1,
    ...descriptionOf(from, name),
    base: from.image.text,
    ...(from.platform === undefined ? {} : { platform: from.platform.text }),
    span: from.span,
  }));
}

type Arg = Outline['args'][number];

type Found = {
  readonly args: Map<string, Arg>;
  readonly secrets: Map<string, OutlineMount>;
  readonly ssh: Map<string, OutlineMount>;
};

/** Of the target, or the last stage, and of the stages it stands on and copies from. */
export function outlineOf(file: Dockerfile, options: CheckOptions): Outline {
  const target = options.target ?? stageNameOfLast(file);
  const found: Found = { args: new Map(), secrets: new Map(), ssh: new Map() };
  walkStages(
    file,
    { ...options, target },
    {
      from: (view) => collectGlobals(view, found.args),
      instruction: (view) => {
        if (view.instruction.kind === 'arg') collectArgs(view.instruction, view, found.args);
        else if (view.instruction.kind === 'run') collectMounts(view.instruction, found);
      },
    },
  );
  const named = listTargets(file).find((one) => one.name === target.toLowerCase());
  return {
    ...(named?.name === undefined ? {} : { name: named.name }),
    ...(named?.description === undefined ? {} : { description: named.description }),
    args: inOrder(found.args),
    secrets: inOrder(found.secrets),
    ssh: inOrder(found.ssh),
  };
}

const inOrder = <T extends { readonly span: Span }>(map: ReadonlyMap<string, T>): T[] =>
  [...map.values()].sort((a, b) => a.span.start - b.span.start);

/** Arguments before the first FROM count where a FROM, an ARG without a default or another one that counts uses them. */
function collectGlobals({ file, stage, globals }: FromView, args: Map<string, Arg>): void {
  const declared = new Map(
    file.globals.flatMap((instruction) =>
      instruction.args.map((arg) => [arg.name.text, { instruction, arg }]),
    ),
  );
  const use = (name: string): void => {
    const known = declared.get(name);
    if (known === undefined || args.has(name)) return;
    args.set(name, argOf(known.instruction, name, globals.lookup(name)));
    if (known.arg.value !== undefined) variablesIn(known.arg.value, file.escape).forEach(use);
  };
  const { image, platform } = stage.from;
  for (const word of platform === undefined ? [image] : [image, platform])
    variablesIn(word, file.escape).forEach(use);
  for (const one of stage.instructions) {
    if (one.kind !== 'arg') continue;
    for (const { name, value } of one.args) if (value === undefined) use(name.text);
  }
}

function collectArgs(
  instruction: InstructionOf<'arg'>,
  { file, state, options }: InstructionView,
  args: Map<string, Arg>,
): void {
  for (const { name, value } of instruction.args) {
    if (args.has(name.text)) continue;
    const given = options.buildArgs[name.text];
    const own = given ?? (value && attempt(() => expandWord(value, state.lookup(), file)));
    args.set(name.text, argOf(instruction, name.text, own));
  }
}

const stageNameOfLast = ({ stages }: Dockerfile): string => {
  const last = stages.at(-1);
  return last === undefined ? '' : stageName(last);
};

function argOf(instruction: InstructionOf<'arg'>, name: string, value: string | undefined): Arg {
  return {
    name,
    ...descriptionOf(instruction, name),
    ...(value === undefined || value === '' ? {} : { value }),
    span: instruction.span,
  };
}

function collectMounts({ mounts, span }: InstructionOf<'run'>, into: Pick<Found, 'secrets' | 'ssh'>): void {
  for (const mount of mounts) {
    const value = (...keys: string[]): string | undefined =>
      mount.options.find(({ key }) => keys.includes(key))?.value;
    const required = mount.options.some(
      ({ key, value: text }) => key === 'required' && (text ?? 'true') === 'true',
    );
    const type = value('type');
    if (type === 'secret') {
      const name =
        value('id') ?? value('source', 'src') ?? value('target', 'dst', 'destination')?.split('/').at(-1);
      if (name !== undefined && !into.secrets.has(name)) into.secrets.set(name, { name, required, span });
    } else if (type === 'ssh') {
      const name = value('id') ?? 'default';
      if (!into.ssh.has(name)) into.ssh.set(name, { name, required, span });
    }
  }
}
