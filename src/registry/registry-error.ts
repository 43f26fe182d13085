import { type ErrorCode, LapidaryError } from '../errors/index.ts';
import { redactUrl } from './redact.ts';

/** One of the `errors` of an answer. OCI distribution-spec v1.1.1, "Error Codes". */
export type ReportedError = { readonly code: string; readonly message: string };

export type RegistryFailure = {
  readonly method: string;
  readonly url: URL;
  /** Absent where there was no answer. */
  readonly status?: number;
  /** What the registry said. */
  readonly reported?: readonly ReportedError[];
  /** In place of the status: what went wrong. */
  readonly reason?: string;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
};

/** A request that a registry refused, answered wrongly or did not answer. */
export class RegistryError extends LapidaryError {
  override readonly name = 'RegistryError';
  readonly method: string;
  /** Without user, password and signatures. */
  readonly url: string;
  readonly status: number | undefined;
  readonly reported: readonly ReportedError[];

  constructor(code: ErrorCode, failure: RegistryFailure) {
    const url = redactUrl(failure.url);
    const happened = failure.reason ?? `status ${failure.status}`;
    super(code, `${failure.method} ${url}: ${happened}`, {
      hint: failure.hint,
      cause: failure.cause,
      notes: failure.reported?.map(({ code: name, message }) => `the registry says ${name}: ${message}`),
    });
    this.method = failure.method;
    this.url = url;
    this.status = failure.status;
    this.reported = failure.reported ?? [];
  }
}

const MAX_REPORTED = 5;

/** The `errors` of a body, which may be anything. Texts are cut to 300 characters. */
export function parseReportedErrors(body: Uint8Array): readonly ReportedError[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return [];
  }
  // Token servers answer with `details` or OAuth2's `error` and `error_description`
  const {
    errors,
    error,
    error_description: description,
  } = Object(value) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(errors)) {
    return typeof error === 'string' ? [{ code: cut(error), message: cut(description) }] : [];
  }
  return errors.slice(0, MAX_REPORTED).map((each: unknown) => {
    const { code, message } = Object(each) as Readonly<Record<string, unknown>>;
    return { code: cut(code) || 'UNKNOWN', message: cut(message) };
  });
}

function cut(value: unknown): string {
  const text = typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : '';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** What to throw for an answer that is no success. */
export function refusal(
  failure: RegistryFailure & { readonly status: number },
  host: string,
  loggedIn: boolean,
): RegistryError {
  switch (failure.status) {
    case 401: {
      const hint = loggedIn
        ? `the credentials for ${host} are not accepted: check them, or run \`lapidary login ${host}\` again`
        : `run \`lapidary login ${host}\`, or check the name`;
      return new RegistryError('REGISTRY_UNAUTHORIZED', {
        hint,
        ...failure,
        reason: 'not authorised (status 401)',
      });
    }
    case 403:
      return new RegistryError('REGISTRY_DENIED', {
        hint: loggedIn
          ? `this account of ${host} lacks the permission`
          : `run \`lapidary login ${host}\` first`,
        ...failure,
        reason: 'access denied (status 403)',
      });
    case 404:
      return new RegistryError('REGISTRY_NOT_FOUND', {
        hint: 'check the name and the tag; a private repository may hide itself from who is not logged in',
        ...failure,
        reason: 'not found (status 404)',
      });
    case 429:
      return new RegistryError('REGISTRY_RATE_LIMITED', {
        hint: loggedIn
          ? 'wait, or use a mirror'
          : `log in with \`lapidary login ${host}\` for a higher limit, or use a mirror`,
        ...failure,
        reason: 'too many requests (status 429)',
      });
    default:
      return new RegistryError('REGISTRY_FAILED', failure);
  }
}

/** An answer that breaks the protocol. */
export function protocolError(failure: Omit<RegistryFailure, 'hint'>, what: string): RegistryError {
  return new RegistryError('REGISTRY_FAILED', {
    ...failure,
    reason: `the registry answered ${what}`,
    hint: 'is this a registry? If it is, its proxy or the registry is at fault',
  });
}
