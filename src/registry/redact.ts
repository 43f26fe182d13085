/** Query parameters of the distribution API that hold nothing secret. All others may be signatures. */
const OPEN = new Set(['digest', 'from', 'mount', 'n', 'last', 'artifactType', 'service', 'scope']);

/** A URL to show: without user and password, and with the values of unknown query parameters left out. */
export function redactUrl(url: URL | string): string {
  const read = typeof url === 'string' ? URL.parse(url) : new URL(url);
  if (read === null) return '(not a URL)';
  read.username = '';
  read.password = '';
  read.hash = '';
  const query = [...read.searchParams].map(([name, value]) => `${name}=${OPEN.has(name) ? value : '…'}`);
  read.search = '';
  return read.href + (query.length === 0 ? '' : `?${query.join('&')}`);
}
