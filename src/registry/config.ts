/** A user and password for Basic, or a token that buys bearer tokens (an OAuth2 refresh token). */
export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token as the registry takes it. */
  | { readonly kind: 'registry-token'; readonly token: string };

/**
 * What one file of credentials says: docker's `config.json` or containers' `auth.json`. Names are normalised:
 * without scheme, `docker.io` for every name that Docker Hub goes by.
 */
export type CredentialFile = {
  readonly path: string;
  /** By registry, or registry and namespace: `docker.io`, `localhost:5000`, `quay.io/team/app`. */
  readonly auths: ReadonlyMap<string, Credential>;
  /** The helper program for everything, `docker-credential-NAME`. */
  readonly credsStore?: string;
  /** Helper programs by registry. */
  readonly credHelpers: ReadonlyMap<string, string>;
};

/** Where else what a registry holds can be read. */
export type MirrorRule = {
  /** Host, and namespace where there is one: `mirror.local:5000/hub`. */
  readonly location: string;
  readonly insecure: boolean;
  /** What may be read from it. */
  readonly pull: 'all' | 'digest-only' | 'tag-only';
};

/** A `[[registry]]` of containers-registries.conf(5). */
export type RegistryRule = {
  /** What names begin with: a host, a host and namespace, or `*.example.com`. */
  readonly prefix: string;
  /** What stands in place of the prefix; absent where it stays. */
  readonly location?: string;
  /** Plain HTTP, and TLS that is not verified, are allowed. */
  readonly insecure: boolean;
  readonly blocked: boolean;
  /** In the order they are tried, before the registry itself. */
  readonly mirrors: readonly MirrorRule[];
};

/** All that a client needs to know of the machine and its user. Plain data; see `readRegistryConfig`. */
export type RegistryConfig = {
  /** The first that knows a registry is believed. */
  readonly credentialFiles: readonly CredentialFile[];
  readonly rules: readonly RegistryRule[];
  /** Directories with a directory per `host:port` in them, which holds `*.crt`, `*.cert` and `*.key`. */
  readonly certificateDirectories: readonly string[];
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and their lower case forms, as they are in the environment. */
  readonly proxy: Readonly<Record<string, string>>;
  /** For credential helpers, which are programs: where they are looked for is its `PATH`. */
  readonly helperEnvironment: Readonly<Record<string, string>>;
  /** The file that `login` writes. */
  readonly loginFile: string;
};

/** Knows no credentials, rules, certificates or proxies. */
export const EMPTY_REGISTRY_CONFIG: RegistryConfig = {
  credentialFiles: [],
  rules: [],
  certificateDirectories: [],
  proxy: {},
  helperEnvironment: {},
  loginFile: '',
};
