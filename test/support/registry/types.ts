import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** What a request asks for: distribution-spec v1.1.1, "Endpoints". */
export type Endpoint =
  | 'base'
  | 'catalog'
  | 'blob'
  | 'upload-start'
  | 'upload'
  | 'manifest'
  | 'tags'
  | 'referrers'
  | 'unknown';

export type Route = {
  readonly endpoint: Endpoint;
  /** Of the repository; empty where there is none. */
  readonly name: string;
  /** Digest, tag or upload; empty where there is none. */
  readonly reference: string;
};

export type Exchange = {
  readonly method: string;
  readonly url: URL;
  readonly route: Route;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
};

export type Reply = {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | StoredBody;
};
/** A range of a file. `end` is behind the last byte. */
export type StoredBody = { readonly path: string; readonly start: number; readonly end: number };

/** A request as it was answered, in order of arrival; kept for assertions. */
export type LogLine = {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly route: Route;
  readonly headers: IncomingHttpHeaders;
  /** 0 until there is an answer, and for good when the connection was dropped. */
  status: number;
  /** Of bodies, without headers. */
  bytesIn: number;
  bytesOut: number;
};

/** What goes wrong with a request. */
export type Mischief =
  /** Answers with an error and does nothing. `retryAfter` in seconds, or the text of the header. */
  | { readonly do: 'status'; readonly status: number; readonly retryAfter?: number | string }
  /** Closes the connection without an answer, after so many bytes of the request's body have been *kept*. */
  | { readonly do: 'drop'; readonly afterBytes?: number }
  /** Sends the first bytes of the body, with the length of all, and closes the connection. */
  | { readonly do: 'cut'; readonly atByte: number }
  /** Another byte at this place of the body. */
  | { readonly do: 'corrupt'; readonly atByte: number }
  /** The header `Docker-Content-Digest` names something else than the body. */
  | { readonly do: 'digest-header' }
  /** A body that is longer (or shorter, when negative), whole as far as HTTP can tell. */
  | { readonly do: 'resize'; readonly by: number }
  /** A body, chunked, that never ends. */
  | { readonly do: 'endless' }
  | { readonly do: 'redirect'; readonly to: string; readonly status?: number }
  /** Never answers. */
  | { readonly do: 'stall' }
  /** Answers with headers and the first bytes of the body, then nothing. */
  | { readonly do: 'stall-body'; readonly atByte: number }
  /** The same, but a byte every few milliseconds instead of nothing. */
  | { readonly do: 'drip'; readonly atByte: number }
  /** Does what was asked, and closes the connection instead of saying so. */
  | { readonly do: 'silence' };

/** A plan for some requests: the first plan that matches and is not used up is followed. */
export type Fault = Mischief & {
  readonly method?: string;
  readonly endpoint?: Endpoint;
  /** A part of the path. */
  readonly path?: string;
  /** So many matching requests pass first. 0 when left out. */
  readonly after?: number;
  /** So many are hit then. 1 when left out. */
  readonly times?: number;
};

/** What a token allows: `repository:NAME` and actions. */
export type Grant = { readonly name: string; readonly actions: readonly string[] };
export type Authentication =
  | { readonly scheme: 'basic'; readonly users: Readonly<Record<string, string>> }
  | {
      readonly scheme: 'bearer';
      readonly realm: string;
      readonly service: string;
      /** Grants of a token that is good; `undefined` for any other. Asked once for every request with a token. */
      readonly verify: (token: string) => readonly Grant[] | undefined;
    };

export type Tls = {
  readonly key: string;
  readonly cert: string;
  /** Of client certificates, which are demanded then. */
  readonly clientCa?: string;
};

export type RegistryOptions = {
  readonly tls?: Tls;
  readonly auth?: Authentication;
  /** The referrers API; without it clients keep a tag of their own. On when left out. */
  readonly referrers?: boolean;
  /** Mounts from another repository. On when left out. */
  readonly mount?: boolean;
  /** PATCH requests; without them an upload is one POST and one PUT. On when left out. */
  readonly chunks?: boolean;
  /** `OCI-Chunk-Min-Length` of every upload. */
  readonly chunkMinLength?: number;
  /** `Range` of blobs. On when left out. */
  readonly ranges?: boolean;
  readonly deletion?: boolean;
  /** Tags and referrers in one answer, unless the client asks for fewer. */
  readonly pageSize?: number;
  /** `Location` with or without scheme and host. */
  readonly locations?: 'absolute' | 'relative';
  /** Headers of every answer, such as those of a quota. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly faults?: readonly Fault[];
};
