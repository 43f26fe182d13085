import { resolve } from 'node:path';
import type { ContextListing } from '../../build/index.ts';
import { EXIT, LapidaryError, printable, quoted } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';

export const contextCommand: CommandSpec = {
  name: 'context',
  summary: 'List the files of a build context, and why each is in it or not',
  args: 'ls [PATH]',
  arity: [1, 2],
  options: [
    {
      flags: '-f, --file FILE',
      help: 'Dockerfile whose own ignore file (FILE.dockerignore) is looked for first',
    },
    { flags: '--json', help: 'Print a JSON object' },
    { flags: '--included', help: 'Only what is in the build context' },
    { flags: '--excluded', help: 'Only what is not' },
  ],
  examples: [
    { text: 'What `COPY . .` would copy', command: 'lapidary context ls --included .' },
    { text: 'Which line keeps a file out', command: 'lapidary context ls | grep secret' },
    {
      text: 'The largest files',
      command: "lapidary context ls --json | jq '.files | sort_by(-.size) | .[:10]'",
    },
  ],
  details: [
    'A directory that is excluded with all that is in it is one line, with the size of its files and their number. A rule is named by its line in the ignore file; a file without a rule is in the build context because nothing excludes it.',
  ],
  run: listFiles,
};

async function listFiles({ flags, args, io }: Invocation): Promise<number> {
  const [verb = '', path = '.'] = args;
  if (verb !== 'ls')
    throw new LapidaryError('USAGE', `context cannot ${quoted(verb)}`, {
      hint: 'write lapidary context ls [PATH]',
    });
  const { listContext } = await import('../../build/index.ts');
  const file = flags.text('file');
  const listing = await listContext(
    resolve(io.cwd, path),
    file === undefined ? undefined : resolve(io.cwd, file),
  );
  const only = flags.on('included') === flags.on('excluded') ? undefined : flags.on('included');
  const files = only === undefined ? listing.files : listing.files.filter((one) => one.included === only);
  io.stdout.write(
    flags.on('json')
      ? `${JSON.stringify({ ...listing, files }, null, 2)}\n`
      : await listText({ ...listing, files }),
  );
  return EXIT.ok;
}

async function listText({ ignoreFile = '', files, included, excluded }: ContextListing): Promise<string> {
  const [{ formatSize }, { alignColumns }] = await Promise.all([
    import('../../progress/index.ts'),
    import('../table.ts'),
  ]);
  const rows = files.map((file) => [
    file.included ? 'included' : 'excluded',
    formatSize(file.size),
    printable(file.path.endsWith('/') ? `${file.path} (${file.files} files)` : file.path),
    file.line === undefined ? '' : printable(`${ignoreFile}:${file.line} ${file.rule ?? ''}`),
  ]);
  const table = rows.length === 0 ? '' : alignColumns([['BUILD CONTEXT', 'SIZE', 'FILE', 'RULE'], ...rows]);
  const sum = ({ files: count, size }: ContextListing['included']): string =>
    `${count} ${count === 1 ? 'file' : 'files'} (${formatSize(size)})`;
  return `${table}${sum(included)} included, ${sum(excluded)} excluded\n`;
}
