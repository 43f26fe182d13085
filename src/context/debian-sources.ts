/** One source of binary packages, as apt is configured with it. */
export type AptSource = {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The key it is tied to: a path, a fingerprint or key text; absent when any trusted key will do. */
  readonly signedBy?: string;
};

const ARCHIVE_PATH = /\/debian(?:\/\d{8}T\d{6}Z)?\/?$/;

/**
 * Reads a file of one-line sources: `deb [options] uri suite component…`. Lines that are something else are passed
 * over, as are `deb-src` lines. Source: sources.list(5), "One-Line-Style Format".
 */
export function parseSourceLines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)\s*(?:#.*)?$/.exec(line);
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    const source = { uri, suites: [suite], components: words(components) };
    return [signedBy === undefined ? source : { ...source, signedBy }];
  });
}

/**
 * Reads a `.sources` file: paragraphs of fields. A paragraph that is disabled, lacks a field, or is not of type
 * `deb` gives nothing; one of several URIs gives a source for each, in order.
 * Source: sources.list(5), "deb822-Style Format".
 */
export function parseSourceParagraphs(text: string): AptSource[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n(?:[ \t]*\n)+/)
    .flatMap((paragraph) => {
      const fields = fieldsOf(paragraph);
      const disabled = /^(?:no|false|without|off|disable)$/i.test(fields.get('enabled') ?? 'yes');
      if (disabled || !words(fields.get('types') ?? '').includes('deb')) return [];
      const suites = words(fields.get('suites') ?? '');
      const components = words(fields.get('components') ?? '');
      const signedBy = fields.get('signed-by');
      const common = { suites, components, ...(signedBy !== undefined && { signedBy }) };
      return words(fields.get('uris') ?? '').map((uri) => ({ uri, ...common }));
    });
}

/**
 * The first source that is a mirror of Debian's main archive; `undefined` when none is. Other people's archives
 * that end in `/debian` too are told apart by their components and keys.
 */
export function debianMirror(sources: readonly AptSource[]): string | undefined {
  return sources.find(isDebian)?.uri;
}

/** Whether a URI is one to bootstrap from: without white space or anything else that a source line would read as more. */
export function isMirrorUri(text: string): boolean {
  return /^(?:https?:\/\/[^\s[\]/]+|file:\/|copy:\/)[^\s[\]]*$/.test(text);
}

function isDebian({ uri, suites, components, signedBy }: AptSource): boolean {
  const own = signedBy === undefined || /(?:^|\/)debian-archive-[^/\s]*$/.test(signedBy);
  const main = components.includes('main') && suites.some((suite) => !suite.endsWith('-security'));
  return own && main && ARCHIVE_PATH.test(uri) && /^https?:/.test(uri) && isMirrorUri(uri);
}

/** Names in lower case; continuation lines are joined by newlines. */
function fieldsOf(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of paragraph.split('\n')) {
    const start = /^([^\s:]+):\s*(.*)$/.exec(line);
    if (start !== null) {
      name = (start[1] ?? '').toLowerCase();
      fields.set(name, (start[2] ?? '').trim());
    } else if (name !== '' && /^[ \t]/.test(line)) {
      fields.set(name, `${fields.get(name) ?? ''}\n${line.trim()}`);
    }
  }
  return fields;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
