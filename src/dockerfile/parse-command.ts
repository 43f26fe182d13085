import { readFlags } from './flags.ts';
import { readJsonList } from './json-list.ts';
import type { ParseContext, RawInstruction } from './parse-context.ts';
import { parseMount } from './parse-mount.ts';
import { Cursor } from './tokens.ts';
import type { CommandForm, InstructionOf } from './types.ts';

type Body<K extends 'run' | 'cmd' | 'entrypoint' | 'shell' | 'healthcheck'> = Omit<
  InstructionOf<K>,
  'span' | 'keyword' | 'text'
>;

export function parseRun(raw: RawInstruction, context: ParseContext): Body<'run'> {
  const cursor = argumentsOf(raw, context);
  const flags = readFlags(cursor, 'run', context);
  const command = parseCommand(cursor, raw, context);
  const [network, security] = [flags.value('network'), flags.value('security')];
  return {
    kind: 'run',
    command,
    mounts: flags.values('mount').map((word) => parseMount(word, context)),
    devices: flags.values('device'),
    ...(network && { network }),
    ...(security && { security }),
  };
}

export function parseStart<K extends 'cmd' | 'entrypoint'>(
  kind: K,
  raw: RawInstruction,
  context: ParseContext,
): { readonly kind: K; readonly command: CommandForm } {
  const cursor = argumentsOf(raw, context);
  readFlags(cursor, kind, context);
  return { kind, command: parseCommand(cursor, raw, context) };
}

export function parseShell(raw: RawInstruction, context: ParseContext): Body<'shell'> {
  const cursor = argumentsOf(raw, context);
  readFlags(cursor, 'shell', context);
  cursor.skipSpace();
  const { text, span } = cursor.rest();
  // What is no list is an error here, so nobody needs to be warned of it
  const argv = readJsonList(cursor, { ...context, warn: () => undefined }, 'command')?.map(
    (item) => item.text,
  );
  if (argv !== undefined && argv.length > 0) return { kind: 'shell', argv };
  const at = text === '' ? raw.keyword.span : span;
  throw context.error('DOCKERFILE_SYNTAX', 'SHELL needs a list in JSON form', at, {
    hint: 'such as SHELL ["/bin/sh", "-c"]',
  });
}

export function parseHealthcheck(raw: RawInstruction, context: ParseContext): Body<'healthcheck'> {
  const cursor = argumentsOf(raw, context);
  const flags = readFlags(cursor, 'healthcheck', context);
  const options = {
    interval: flags.value('interval'),
    timeout: flags.value('timeout'),
    startPeriod: flags.value('start-period'),
    startInterval: flags.value('start-interval'),
    retries: flags.value('retries'),
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, word]) => word !== undefined));
  cursor.skipSpace();
  const type = cursor.plainWord();
  cursor.skipSpace();
  if (/^none$/i.test(type.text) && cursor.done) return { kind: 'healthcheck', ...given };
  if (/^cmd$/i.test(type.text) && !cursor.done) {
    return { kind: 'healthcheck', command: parseCommand(cursor, raw, context), ...given };
  }
  const span = type.text === '' ? raw.keyword.span : type.span;
  throw context.error('DOCKERFILE_SYNTAX', 'HEALTHCHECK needs CMD with a command, or NONE', span, {
    hint: 'such as HEALTHCHECK --interval=30s CMD /bin/check',
  });
}

export function argumentsOf(raw: RawInstruction, context: ParseContext): Cursor {
  const cursor = new Cursor(raw.line, context.escape, raw.argumentsAt);
  cursor.skipSpace();
  return cursor;
}

/** @throws SourceError DOCKERFILE_SYNTAX when there is no command */
function parseCommand(cursor: Cursor, raw: RawInstruction, context: ParseContext): CommandForm {
  cursor.skipSpace();
  const { text, span } = cursor.rest();
  const argv = readJsonList(cursor, context, 'command')?.map((item) => item.text);
  // An empty list takes back what the base says; there is nothing that RUN could do with it
  const mayBeEmpty = /^(?:cmd|entrypoint)$/i.test(raw.keyword.text);
  if (text === '' || (argv?.length === 0 && !mayBeEmpty)) {
    const hint = mayBeEmpty ? 'write [] to take back what the base image has' : undefined;
    const message = `${raw.keyword.text.toUpperCase()} needs a command`;
    throw context.error('DOCKERFILE_SYNTAX', message, text === '' ? raw.keyword.span : span, { hint });
  }
  if (argv !== undefined) return { form: 'exec', argv, span };
  return { form: 'shell', line: text, span, heredocs: raw.heredocs };
}
