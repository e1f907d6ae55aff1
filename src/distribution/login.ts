import { STATUS_CODES } from 'node:http';
import type { Context } from '../base/context.ts';
import { internal, invalid, SampanError } from '../base/errors.ts';
import { discard } from './bodies.ts';
import type { AuthenticationResult, Credentials } from './contract.ts';
import { type Endpoint, endpointsOf, type RegistrySettings } from './endpoints.ts';
import { RegistryRefusal, Transient } from './failures.ts';
import { inTurn } from './in-turn.ts';
import { type Access, Session } from './session.ts';

/**
 * Shows credentials to the registry at `address`: a host, or a URL of which the host counts; "https://index.docker.io/v1/" or nothing for
 * Docker Hub. Fails with `unauthenticated` in Docker's words when they are wrong.
 */
export async function authenticate(
  context: Context,
  access: Access,
  address: string,
  credentials: Credentials,
): Promise<AuthenticationResult> {
  const places = loginEndpoints(address, access.settings()).map((endpoint) => ({ endpoint }));
  try {
    return await inTurn(context, places, ({ endpoint }) => logIn(context, access, endpoint, credentials));
  } catch (error) {
    const failure = error instanceof Transient ? error.failure : error;
    if (failure instanceof SampanError || !(failure instanceof Error)) throw failure;
    if (!(failure instanceof RegistryRefusal)) throw internal(failure.message, { cause: failure });
    const text = failure.request === '' ? failure.message : `${failure.request}: ${failure.message}`;
    throw new SampanError(failure.status === 401 ? 'unauthenticated' : 'internal', text);
  }
}

/** Mirrors are not what one logs in to. */
function loginEndpoints(address: string, settings: RegistrySettings): readonly Endpoint[] {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
  const isHub = ['', 'docker.io', 'index.docker.io'].includes(host);
  if (!isHub && !URL.canParse(`https://${host}`))
    throw invalid(`invalid registry address ${JSON.stringify(address)}`);
  return endpointsOf(isHub ? 'docker.io' : host, settings).filter(({ isMirror }) => !isMirror);
}

async function logIn(
  context: Context,
  access: Access,
  endpoint: Endpoint,
  credentials: Credentials,
): Promise<AuthenticationResult> {
  const session = new Session({ ...access, endpoint, credentials, scopes: [], wantsIdentity: true });
  const url = session.url('/v2/');
  const answer = await session.exchange(context, { url });
  await discard(answer);
  const { status } = answer;
  if (status === 200) return { status: 'Login Succeeded', identityToken: session.identityToken };
  const name = STATUS_CODES[status] ?? '';
  throw new RegistryRefusal(status, '', `login attempt to ${url.href} failed with status: ${status} ${name}`);
}
