import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';

/** PEM texts. */
export type HostCertificates = {
  readonly ca: readonly string[];
  readonly cert?: string;
  readonly key?: string;
};

/**
 * What a directory of certificates holds for a `host:port`: `*.crt` are authorities, `NAME.cert` and `NAME.key` the
 * client's own. Only the first directory that has the host counts. Source: containers-certs.d(5), docker's certs.d.
 *
 * @throws LapidaryError REGISTRY_CONFIG when a file cannot be read, or a key is missing
 */
export async function readCertificates(
  directories: readonly string[],
  host: string,
): Promise<HostCertificates> {
  // A host is a name in these directories, never a way out of them
  if (/^\.*$|\//.test(host)) return { ca: [] };
  for (const directory of directories) {
    // A URL leaves out the port of its scheme
    for (const name of host.includes(':') ? [host] : [host, `${host}:443`]) {
      const path = join(directory, name);
      const names = await namesIn(path);
      if (names !== undefined) return readPairs(path, names.sort());
    }
  }
  return { ca: [] };
}

async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw unreadable(path, error);
  }
}

async function readPairs(path: string, names: readonly string[]): Promise<HostCertificates> {
  const read = (name: string): Promise<string> =>
    readFile(join(path, name), 'utf8').catch((error: unknown) => {
      throw unreadable(join(path, name), error);
    });
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const cert = names.find((name) => name.endsWith('.cert'));
  if (cert === undefined) return { ca };
  const key = `${cert.slice(0, -'.cert'.length)}.key`;
  if (!names.includes(key)) {
    throw new LapidaryError(
      'REGISTRY_CONFIG',
      `${quoted(join(path, cert))} has no key ${quoted(key)} beside it`,
      {
        hint: 'client certificates are pairs of NAME.cert and NAME.key',
      },
    );
  }
  return { ca, cert: await read(cert), key: await read(key) };
}

function unreadable(path: string, error: unknown): LapidaryError {
  return new LapidaryError('REGISTRY_CONFIG', `${quoted(path)} cannot be read: ${messageOf(error)}`, {
    cause: error,
  });
}
