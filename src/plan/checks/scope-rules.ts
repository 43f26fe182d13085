import {
  expandWord,
  type Heredoc,
  type Instruction,
  ruleUrl,
  variablesIn,
  type Word,
} from '../../dockerfile/index.ts';
import { suggest } from '../../errors/index.ts';
import { parsePort } from '../ports.ts';
import type { PlanRule } from './plan-rule.ts';
import { attempt, type InstructionView } from './walk.ts';

export const workdirRelativePath: PlanRule = {
  name: 'WorkdirRelativePath',
  summary:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  url: ruleUrl('workdir-relative-path'),
  why: 'A relative WORKDIR stands on the one that the base image happens to have. Begin with an absolute one; later ones may be relative to it.',
  instruction({ instruction, state, workdirSet, file }) {
    if (instruction.kind !== 'workdir' || workdirSet) return [];
    const path = attempt(() => expandWord(instruction.path, state.lookup(), file));
    if (path === undefined || path.startsWith('/')) return [];
    const message = `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`;
    return [{ message, span: instruction.path.span, within: instruction.span }];
  },
};

export const undefinedVar: PlanRule = {
  name: 'UndefinedVar',
  summary: 'Variables should be defined before their use',
  url: ruleUrl('undefined-var'),
  why: 'A variable that neither ENV nor ARG of this stage, nor the base image, has set is empty without a word, and most often misspelt or not declared in this stage; declare one that may be missing, and has a default, with ARG. Where the configuration of a base image is not known, only names near a known one are told.',
  instruction(view) {
    const { instruction, state, closed, file } = view;
    const known = new Set(state.args.environment().map(([name]) => name));
    const told = new Set<string>();
    return wordsOf(instruction).flatMap(({ word, escape }) =>
      variablesIn(word, escape ?? file.escape).flatMap((name) => {
        if (told.has(name) || state.args.isDeclared(name) || SHELL_PARAMETER.test(name)) return [];
        const near = suggest(name, known);
        if (!closed && near === undefined) return [];
        told.add(name);
        const also = near === undefined ? '' : ` (did you mean $${near}?)`;
        const message = `Usage of undefined variable '$${name}'${also}`;
        return { message, span: word.span, within: instruction.span };
      }),
    );
  },
};

const SHELL_PARAMETER = /^[^\p{L}_]/u;

type Expanded = { readonly word: Word; readonly escape?: string };

const plain = (words: readonly (Word | undefined)[]): Expanded[] =>
  words.flatMap((word) => (word === undefined ? [] : { word }));

/** The words of an instruction in which variables are replaced. */
function wordsOf(instruction: Instruction): readonly Expanded[] {
  switch (instruction.kind) {
    case 'env':
    case 'label':
      return plain(instruction.pairs.flatMap(({ name, value }) => [name, value]));
    case 'arg':
      return plain(instruction.args.map(({ value }) => value));
    case 'copy':
    case 'add': {
      const { flags, transfer } = instruction;
      const own = [flags.chown, flags.chmod, ...transfer.sources, transfer.destination];
      return [...plain(own), ...transfer.heredocs.filter(({ expand }) => expand).map(bodyOf)];
    }
    case 'workdir':
      return plain([instruction.path]);
    case 'user':
      return plain([instruction.user]);
    case 'volume':
      return plain(instruction.paths);
    case 'stopsignal':
      return plain([instruction.signal]);
    default:
      return [];
  }
}

const bodyOf = ({ body, span }: Heredoc): Expanded => ({ word: { text: body, span }, escape: '\\' });

export const jsonArgsRecommended: PlanRule = {
  name: 'JSONArgsRecommended',
  summary:
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  url: ruleUrl('json-args-recommended'),
  why: 'In shell form the process is a shell, which does not hand on signals: the container cannot be stopped but by killing it. Write a list in JSON form; where a shell is meant, name it in SHELL or in the list.',
  instruction({ instruction, state }) {
    if (instruction.kind !== 'cmd' && instruction.kind !== 'entrypoint') return [];
    if (instruction.command.form === 'exec' || (state.config.Shell?.length ?? 0) > 0) return [];
    const message = `JSON arguments recommended for ${instruction.keyword.text} to prevent unintended behavior related to OS signals`;
    return [{ message, span: instruction.command.span, within: instruction.span }];
  },
};

/** What EXPOSE names, each beside its word. */
function portsOf({ instruction, state }: InstructionView): { readonly word: Word; readonly text: string }[] {
  if (instruction.kind !== 'expose') return [];
  return instruction.ports.flatMap((word) =>
    (attempt(() => state.expandAll([word])) ?? []).map((text) => ({ word, text })),
  );
}

export const exposeProtoCasing: PlanRule = {
  name: 'ExposeProtoCasing',
  summary: 'Protocol in EXPOSE instruction should be lowercase',
  url: ruleUrl('expose-proto-casing'),
  why: 'Protocols are kept in lower case in the configuration, whatever is written: write what comes out.',
  instruction(view) {
    return portsOf(view).flatMap(({ word, text }) => {
      const protocol = parsePort(text)?.protocol ?? '';
      if (protocol === protocol.toLowerCase()) return [];
      const message = `Defined protocol '${text}' in EXPOSE instruction should be lowercase`;
      const fix =
        text === word.text
          ? [{ span: word.span, text: text.replace(/\/.*/, (end) => end.toLowerCase()) }]
          : undefined;
      return { message, span: word.span, within: view.instruction.span, fix };
    });
  },
};

export const exposeInvalidFormat: PlanRule = {
  name: 'ExposeInvalidFormat',
  summary:
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  url: ruleUrl('expose-invalid-format'),
  why: 'EXPOSE says on which ports a container listens. Where they are published is said when it is started; an address or a port of the host has no effect here.',
  instruction(view) {
    return portsOf(view).flatMap(({ word, text }) => {
      if (parsePort(text)?.host !== true) return [];
      const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`;
      const fix = text === word.text ? [{ span: word.span, text: text.replace(/^.*:/, '') }] : undefined;
      return { message, span: word.span, within: view.instruction.span, fix };
    });
  },
};
