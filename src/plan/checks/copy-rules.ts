import { type Finding, type Instruction, ruleUrl, type Word } from '../../dockerfile/index.ts';
import { printable } from '../../errors/index.ts';
import type { PlanRule } from './plan-rule.ts';
import { attempt, type InstructionView } from './walk.ts';

const isRemote = (source: string): boolean => /^(?:https?|git|ssh):\/\/|^git@/i.test(source);

/** Paths of the main build context that are named, each beside its word, without a leading slash. */
function sourcesOf({
  instruction,
  state,
}: InstructionView): { readonly word: Word; readonly path: string }[] {
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return [];
  if (instruction.kind === 'copy' && instruction.flags.from !== undefined) return [];
  return instruction.transfer.sources.flatMap((word) => {
    const source = attempt(() => state.expand(word));
    if (source === undefined || isRemote(source)) return [];
    const path = source
      .split('/')
      .filter((name) => name !== '' && name !== '.')
      .join('/');
    return { word, path };
  });
}

export const copyIgnoredFile: PlanRule = {
  name: 'CopyIgnoredFile',
  summary: 'Attempting to Copy file that is excluded by .dockerignore',
  url: ruleUrl('copy-ignored-file'),
  why: 'The ignore file keeps the file out of the build context, so it is not there to be copied. Take one of the two back. `lapidary context ls` shows which line excludes a file.',
  instruction(view) {
    const { instruction, options } = view;
    return sourcesOf(view).flatMap(({ word, path }) => {
      if (path === '' || options.ignored?.(path) !== true) return [];
      const verb = instruction.kind === 'add' ? 'Add' : 'Copy';
      const message = `Attempting to ${verb} file ${JSON.stringify(path)} that is excluded by .dockerignore`;
      return { message, span: word.span, within: instruction.span };
    });
  },
};

/** Files that hold secrets by their name, wherever they are. */
const SECRET_FILES =
  /(?:^|\/)(?:\.env(?:\.(?!example$|sample$|template$|dist$|defaults?$|test$)[^/]+)?|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.pgpass|\.my\.cnf|\.htpasswd|\.vault-token|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)|\.aws\/credentials|\.docker\/config\.json|\.dockercfg|\.kube\/config|kubeconfig|credentials\.json|service-account[^/]*\.json|terraform\.tfstate|[^/]+\.tfvars|master\.key)$/i;
/** Certificates and public halves are no secrets. */
const PUBLIC_FILES =
  /(?:^|\/)(?:[^/]*(?:cert|\bca\b|chain|public|\.pub\b|crt)[^/]*|(?:etc\/ssl\/certs|node_modules|vendor|testdata)\/.*)$/i;

export const isSecretFile = (path: string): boolean => SECRET_FILES.test(path) && !PUBLIC_FILES.test(path);

const MAX_NAMES = 3;

export const secretFileCopied: PlanRule = {
  name: 'SecretFileCopied',
  summary: 'Files that look like secrets should not be copied into an image',
  own: true,
  why: 'Whoever has the image has the file, also where a later step removes it again. Exclude it in `.dockerignore`, and where a step needs it use `RUN --mount=type=secret`. Where the build context is at hand, what a COPY of a directory selects is looked at, by names and for keys and credentials by the first lines, too.',
  instruction(view) {
    const { instruction, options, state } = view;
    if (instruction.kind !== 'copy' && instruction.kind !== 'add') return [];
    const named = sourcesOf(view);
    if (named.length === 0) return [];
    const exclude = instruction.flags.exclude.map((word) => attempt(() => state.expand(word)) ?? '');
    const selected = options.selected?.(
      named.map(({ path }) => path),
      exclude,
    );
    if (selected !== undefined) {
      const secrets = selected.filter(({ path, secret }) => secret || isSecretFile(path));
      return found(
        instruction,
        secrets.map(({ path }) => path),
      );
    }
    return named
      .filter(({ path }) => isSecretFile(path))
      .flatMap(({ word, path }) => found(instruction, [path], word));
  },
};

function found(instruction: Instruction, paths: readonly string[], word?: Word): Finding[] {
  if (paths.length === 0 || (instruction.kind !== 'copy' && instruction.kind !== 'add')) return [];
  const names = paths
    .slice(0, MAX_NAMES)
    .map((path) => printable(path))
    .join(', ');
  const more = paths.length > MAX_NAMES ? ` and ${paths.length - MAX_NAMES} more` : '';
  const { sources, destination } = instruction.transfer;
  const first = sources[0] ?? destination;
  const span = word?.span ?? { start: first.span.start, end: (sources.at(-1) ?? first).span.end };
  const message = `${instruction.kind.toUpperCase()} puts what looks like a secret into the image: ${names}${more}`;
  const hint = `exclude it in .dockerignore, or use RUN --mount=type=secret where a step needs it`;
  return [{ message, span, within: instruction.span, hint }];
}
