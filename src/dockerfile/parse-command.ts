import { readFlags } from './flags.ts';
import { readJsonList } from './json-list.ts';
import type { ParseContext, RawInstruction } from './parse-context.ts';
import { Cursor } from './tokens.ts';
import type { CommandForm, InstructionOf, MountFlag, Word } from './types.ts';

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

/** `type=cache,target=/x,ro`: CSV, where a field may be quoted; before that, quotes and escapes go as in a shell. */
function parseMount({ text, span }: Word, context: ParseContext): MountFlag {
  const options = splitFields(unquote(text)).map((field) => {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    if (key === '') throw context.error('DOCKERFILE_BAD_FLAG', '--mount has an option without a name', span);
    return equals < 0 ? { key } : { key, value: field.slice(equals + 1) };
  });
  return { span, options };
}

/** Quotes of either kind and backslashes go; what they protect stays. */
function unquote(text: string): string {
  return text.replace(
    /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\\./gs,
    (all, double?: string, single?: string) => (double ?? single ?? all).replace(/\\(.)/gs, '$1'),
  );
}

function splitFields(text: string): string[] {
  const fields: string[] = [];
  let [field, quoted] = ['', false];
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  return [...fields, field];
}
