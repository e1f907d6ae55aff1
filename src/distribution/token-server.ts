import type { Context } from '../base/context.ts';
import { internal } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { discard, expectStatus, readAtMost } from './bodies.ts';
import type { Credentials } from './contract.ts';
import { type RegistrySettings, refuseAstray } from './endpoints.ts';
import { RegistryRefusal } from './failures.ts';
import { parseJson } from './json.ts';
import type { HttpRequest, Transport } from './transport.ts';

const MAX_TOKEN_BYTES = 1 << 20;
const CLIENT_ID = 'sampan';

/** Seconds that a token is good for at least (the distribution project's token specification). */
const SHORTEST_LIFE = 60;

export interface Tokens {
  readonly token: string;
  /** Seconds. */
  readonly life: number;
  /** To get further tokens by, or empty. */
  readonly refreshToken: string;
}

export interface TokenRequest {
  /** The registry that sent the challenge, and what it said in it. */
  readonly registry: URL;
  readonly parameters: ReadonlyMap<string, string>;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly refreshToken: string;
  readonly wantsIdentity: boolean;
}

/**
 * Gets a bearer token from the server that a registry names, by the distribution project's token protocol: with a refresh token by POST
 * as OAuth 2 has it, else, or where the server knows no POST, by GET with name and password.
 */
export async function requestToken(
  context: Context,
  transport: Transport,
  settings: RegistrySettings,
  request: TokenRequest,
): Promise<Tokens> {
  const realm = realmOf(request, settings);
  const registry = request.registry.host;
  const ask = (form: HttpRequest) => transport.exchange(context, { ...form, registry });
  let answer = await ask(request.refreshToken === '' ? queryFor(realm, request) : formFor(realm, request));
  if (request.refreshToken !== '' && (answer.status === 404 || answer.status === 405)) {
    await discard(answer);
    answer = await ask(queryFor(realm, request));
  }
  await expectStatus(answer, 200);
  return tokensOf(await readAtMost(answer.body, MAX_TOKEN_BYTES), realm);
}

/** A registry reached by TLS cannot make the client show a password in the clear. */
function realmOf({ registry, parameters }: TokenRequest, settings: RegistrySettings): URL {
  const text = parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm?.protocol !== 'https:' && realm?.protocol !== 'http:') {
    const named = JSON.stringify(text.slice(0, 200));
    throw internal(`${registry.host} names ${named} as its token server: not an http(s) URL`);
  }
  refuseAstray(registry, realm, settings);
  return realm;
}

function formFor(realm: URL, { parameters, scopes, refreshToken }: TokenRequest): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    service: parameters.get('service') ?? '',
    client_id: CLIENT_ID,
  });
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url: realm, headers, body: form.toString() };
}

function queryFor(realm: URL, request: TokenRequest): HttpRequest {
  const { parameters, scopes, credentials, wantsIdentity } = request;
  const url = new URL(realm);
  const service = parameters.get('service') ?? '';
  if (service !== '') url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (wantsIdentity) {
    url.searchParams.set('offline_token', 'true');
    url.searchParams.set('client_id', CLIENT_ID);
  }
  const { username = '', password = '' } = credentials ?? {};
  if (username === '' || password === '') return { url };
  url.searchParams.set('account', username);
  return { url, authorization: basic(username, password) };
}

/** The `Authorization` header of RFC 7617. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function tokensOf(body: Uint8Array | undefined, realm: URL): Tokens {
  const value = body === undefined ? undefined : parseJson(body);
  const answer = isJsonObject(value) ? value : {};
  const token = answer['token'] || answer['access_token'];
  const { expires_in: life, refresh_token: refreshToken } = answer;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new RegistryRefusal(401, 'UNAUTHORIZED', `the token server ${realm.host} did not give a token`);
  }
  return {
    token,
    life: typeof life === 'number' ? Math.max(life, SHORTEST_LIFE) : SHORTEST_LIFE,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : '',
  };
}
