/** Looks up a secret of the build by its ID. */
type SecretLookup = (id: string) => Promise<Uint8Array | undefined>;

/**
 * What authorises a fetch from a host: the secrets `HTTP_AUTH_TOKEN_<host>`, a bearer token, and
 * `HTTP_AUTH_HEADER_<host>`, a whole value. Source: BuildKit, source/http.
 */
export async function httpAuthorization(host: string, secret: SecretLookup): Promise<string | undefined> {
  const token = await textOf(`HTTP_AUTH_TOKEN_${host}`, secret);
  return token === undefined ? textOf(`HTTP_AUTH_HEADER_${host}`, secret) : `Bearer ${token}`;
}

/**
 * The same for git: `GIT_AUTH_TOKEN.<host>` or `GIT_AUTH_TOKEN` for every host, else `GIT_AUTH_HEADER` likewise.
 * Source: BuildKit, source/git.
 */
export async function gitAuthorization(host: string, secret: SecretLookup): Promise<string | undefined> {
  for (const suffix of [`.${host}`, '']) {
    const token = await textOf(`GIT_AUTH_TOKEN${suffix}`, secret);
    if (token !== undefined) return `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
    const header = await textOf(`GIT_AUTH_HEADER${suffix}`, secret);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Files of secrets often end with a line end, which no header may have. */
async function textOf(id: string, secret: SecretLookup): Promise<string | undefined> {
  const bytes = await secret(id);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes).trim();
}
