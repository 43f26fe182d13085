import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credential } from './config.ts';
import { findCredential } from './credentials.ts';
import type { Session } from './session.ts';
import { basic, fetchToken, type Token } from './token.ts';
import { waitFor } from './wait-for.ts';

/** What a request wants to do, as far as authorisation goes. */
export type Grant = {
  /** For whom the user's credentials are looked up: `docker.io/library/alpine`. */
  readonly name: string;
  /** `repository:library/alpine:pull,push` */
  readonly scopes: readonly string[];
};

const MAX_HELD = 200;

type Held = { readonly scopes: readonly string[]; readonly name: string; readonly token: Promise<Token> };

/** How one host wants requests to be authorised: learnt from its challenges, and the tokens it gave out. */
export class Authorisation {
  readonly #session: Session;
  #challenge: Challenge | undefined;
  #held: Held[] = [];
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** The value of `Authorization`, as far as it is known by now that there must be one. */
  async header(grant: Grant, registry: URL, signal: AbortSignal | undefined): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credential = await this.credential(grant.name);
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`;
    if (challenge.scheme === 'basic') return credential?.kind === 'password' ? basic(credential) : undefined;
    const held = await waitFor(this.#token(grant, challenge, { registry, credential }), signal);
    return `Bearer ${held.token}`;
  }

  /** Where tokens are to be had, once a challenge has said so. */
  get bearer(): { readonly realm: string; readonly service: string | undefined } | undefined {
    if (this.#challenge?.scheme !== 'bearer') return undefined;
    const { parameters } = this.#challenge;
    return { realm: parameters.get('realm') ?? '', service: parameters.get('service') };
  }

  /** Looked up once per name. */
  credential(name: string): Promise<Credential | undefined> {
    const known = this.#credentials.get(name);
    if (known) return known;
    const found = findCredential(this.#session.config, name);
    this.#credentials.set(name, found);
    return found;
  }

  /** Takes in why a request was not authorised. True when it may be now. `used` is what it was sent with. */
  async learn(header: string | undefined, used: string | undefined, grant: Grant): Promise<boolean> {
    const challenge = choose(parseChallenges(header), await this.credential(grant.name));
    if (challenge === undefined) return false;
    const known = this.#challenge;
    this.#challenge = challenge;
    if (used === undefined)
      return challenge.scheme === 'bearer' || (await this.credential(grant.name)) !== undefined;
    if (challenge.scheme !== known?.scheme) return true;
    if (challenge.scheme === 'basic') return false;
    // A token that ended before its time, or one of a scope that is not enough. When it is not held any more,
    // another request has run into the same, and there is a new one
    const tokens = await Promise.all(
      this.#held.map(async (held) => ({ held, text: await settled(held.token) })),
    );
    if (!tokens.some(({ text }) => `Bearer ${text}` === used)) return true;
    // What else would be good for this request is as old, and may have ended too
    const tried = new Set(tokens.map(({ held }) => held).filter((held) => isFor(held, grant)));
    this.#held = this.#held.filter((held) => !tried.has(held));
    return true;
  }

  async #token(
    grant: Grant,
    challenge: Challenge,
    request: { readonly registry: URL; readonly credential: Credential | undefined },
  ): Promise<Token> {
    const known = this.#held.find((held) => isFor(held, grant));
    if (known) {
      const token = await known.token;
      if (token.expiresAt > this.#session.clock.now()) return token;
      this.#held = this.#held.filter((held) => held !== known);
      return this.#token(grant, challenge, request);
    }
    const { parameters } = challenge;
    const token = fetchToken(this.#session, {
      ...request,
      realm: parameters.get('realm') ?? '',
      service: parameters.get('service'),
      scopes: grant.scopes,
      signal: this.#session.closed,
    });
    const held = { scopes: grant.scopes, name: grant.name, token };
    this.#held.push(held);
    // Long-lived clients see many repositories
    if (this.#held.length > MAX_HELD) this.#held.shift();
    token.catch(() => {
      this.#held = this.#held.filter((one) => one !== held);
    });
    return token;
  }
}

function isFor({ name, scopes }: Held, grant: Grant): boolean {
  return name === grant.name && covers(scopes, grant.scopes);
}

async function settled(token: Promise<Token>): Promise<string | undefined> {
  const [result] = await Promise.allSettled([token]);
  return result.status === 'fulfilled' ? result.value.token : undefined;
}

/** Bearer where there is one that says where tokens are: it is what registries offer to whom has no credentials, too. */
function choose(challenges: readonly Challenge[], credential: Credential | undefined): Challenge | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  const basicOne = challenges.find(({ scheme }) => scheme === 'basic');
  return bearer ?? (credential?.kind === 'identity-token' ? undefined : basicOne);
}

/** Whether a token for some scopes is good for others: `repository:a:pull,push` is for `repository:a:pull`. */
export function covers(held: readonly string[], wanted: readonly string[]): boolean {
  const allowed = new Set(held.flatMap(actionsOf));
  return wanted.flatMap(actionsOf).every((action) => allowed.has(action));
}

function actionsOf(scope: string): readonly string[] {
  const colon = scope.lastIndexOf(':');
  return scope
    .slice(colon + 1)
    .split(',')
    .map((action) => `${scope.slice(0, colon)}:${action}`);
}
