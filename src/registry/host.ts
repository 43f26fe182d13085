import { readErrorBody } from './answer-body.ts';
import { Authorisation, type Grant } from './authorisation.ts';
import { type Answer, exchange, type RequestBody } from './exchange.ts';
import { Fault } from './fault.ts';
import { followRedirects } from './follow-redirects.ts';
import type { Patience } from './patience.ts';
import { findScheme } from './probe.ts';
import { QuotaWatch } from './quota.ts';
import { parseReportedErrors, refusal } from './registry-error.ts';
import { patienceFor, type Session } from './session.ts';
import { challengeOf, isPassing, statusFault } from './status.ts';
import { waitFor } from './wait-for.ts';

export type HostRequest = {
  readonly method: string;
  /** Below the host: `/v2/app/tags/list`; or a whole URL that the registry gave. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  readonly lane?: 'control' | 'download' | 'upload';
  readonly commit?: boolean;
  readonly grant: Grant;
  readonly signal?: AbortSignal | undefined;
};

const USER_AGENT = 'lapidary';

/** One host of a client: how to reach it, and how requests to it are authorised. */
export class Host {
  /** `registry-1.docker.io`, `localhost:5000` */
  readonly name: string;
  readonly session: Session;
  readonly authorisation: Authorisation;
  /** Turns false when an upload in pieces is refused. */
  takesChunks = true;
  readonly #quota: QuotaWatch;
  #base: Promise<URL> | undefined;
  #reached = false;

  constructor(session: Session, name: string) {
    this.session = session;
    this.name = name;
    this.authorisation = new Authorisation(session);
    this.#quota = new QuotaWatch(name, session.emit);
  }

  patience(what: string): Patience {
    return patienceFor(this.session, { host: this.name, what, reached: () => this.#reached });
  }

  /** Sends a request until it is answered with one of the statuses. @throws RegistryError */
  async send(request: HostRequest, accept: readonly number[]): Promise<Answer> {
    const path = typeof request.path === 'string' ? request.path : request.path.pathname;
    const patience = this.patience(`${request.method} ${path}`);
    while (true) {
      try {
        return await this.attempt(request, accept);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        await patience.wait(error, request.signal);
      }
    }
  }

  /** The same, once. @throws Fault when it may pass, RegistryError when not */
  async attempt(request: HostRequest, accept: readonly number[]): Promise<Answer> {
    const answer = await this.#authorised(request);
    if (accept.includes(answer.status)) return answer;
    throw await this.failure(answer, request);
  }

  /** What to throw for an answer that was not expected: a Fault if it may pass, else a RegistryError. */
  async failure(answer: Answer, request: Pick<HostRequest, 'grant' | 'signal'>): Promise<Error> {
    const { status, method, url } = answer;
    const limits = { idleMs: this.session.timeouts.idle, signal: request.signal };
    const reported = parseReportedErrors(await readErrorBody(answer, limits));
    const loggedIn = (await this.authorisation.credential(request.grant.name)) !== undefined;
    const error = refusal(
      { method, url, status, reported },
      request.grant.name.split('/', 1)[0] ?? '',
      loggedIn,
    );
    return isPassing(status) ? statusFault(answer, error, this.session.clock.now()) : error;
  }

  /** `https://host/`, or `http://host/` where that is allowed and spoken. Found out once. */
  async base(grant: Grant, signal: AbortSignal | undefined): Promise<URL> {
    const finding = this.#base ?? this.#findBase(grant);
    this.#base = finding;
    return waitFor(finding, signal);
  }

  /** Not ended by the signal of whoever happened to ask first: others wait for it too. */
  async #findBase(grant: Grant): Promise<URL> {
    try {
      const base = await findScheme(this, grant, this.session.closed);
      this.#reached = true;
      return base;
    } catch (error) {
      this.#base = undefined;
      throw error;
    }
  }

  /** A token that ended in between is got anew, once. */
  async #authorised(request: HostRequest): Promise<Answer> {
    const base = await this.base(request.grant, request.signal);
    const url = typeof request.path === 'string' ? new URL(request.path, base) : request.path;
    const own = url.origin === base.origin;
    for (let round = 0; ; round++) {
      const header = own ? await this.authorisation.header(request.grant, base, request.signal) : undefined;
      const answer = await this.#exchange(request, url, header);
      this.#quota.look(answer.headers);
      const refused = answer.status === 401 && answer.url.origin === base.origin && round === 0;
      if (!refused || !(await this.authorisation.learn(challengeOf(answer), header, request.grant)))
        return answer;
      await readErrorBody(answer, { idleMs: this.session.timeouts.idle, signal: request.signal });
    }
  }

  #exchange(request: HostRequest, url: URL, authorization: string | undefined): Promise<Answer> {
    const { method, body, lane = 'control', commit = false, signal } = request;
    const headers = {
      'user-agent': USER_AGENT,
      ...request.headers,
      ...(authorization !== undefined && { authorization }),
    };
    return followRedirects({ method, url, headers, body, lane, commit, signal }, (wire) =>
      exchange(wire, this.session),
    );
  }
}
