import type { Context } from '../base/context.ts';
import { internal, messageOf, SampanError } from '../base/errors.ts';
import type { AuthenticationResult, Credentials } from './contract.ts';
import { type Endpoint, endpointsOf, type RegistrySettings } from './endpoints.ts';
import { isUnreachable, RegistryRefusal, Transient } from './failures.ts';
import { Session, type SessionOptions } from './session.ts';
import { discard } from './transport.ts';

type LoginOptions = Pick<SessionOptions, 'transport' | 'settings' | 'patience'>;

/** Shows credentials to the registry at `address`, which is a host or, as Docker Hub's, a URL. */
export async function authenticate(
  context: Context,
  options: LoginOptions,
  address: string,
  credentials: Credentials,
): Promise<AuthenticationResult> {
  let failure: unknown;
  for (const endpoint of loginEndpoints(address, options.settings())) {
    try {
      return await logIn(context, options, endpoint, credentials);
    } catch (error) {
      context.signal.throwIfAborted();
      failure = error;
      if (!isUnreachable(error)) break;
    }
  }
  throw failure instanceof Error && !(failure instanceof SampanError)
    ? internal(failure.message, { cause: failure })
    : failure;
}

/** Mirrors are not what one logs in to. */
function loginEndpoints(address: string, settings: RegistrySettings): readonly Endpoint[] {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const isHub = ['', 'docker.io', 'index.docker.io'].includes(host);
  return endpointsOf(isHub ? 'docker.io' : host, settings).filter(({ isMirror }) => !isMirror);
}

async function logIn(
  context: Context,
  options: LoginOptions,
  endpoint: Endpoint,
  credentials: Credentials,
): Promise<AuthenticationResult> {
  const session = new Session({ ...options, endpoint, credentials, scopes: [], wantsIdentity: true });
  const url = session.url('/v2/');
  try {
    const answer = await session.exchange(context, { url });
    await discard(answer);
    if (answer.status === 200) return { status: 'Login Succeeded', identityToken: session.identityToken };
    throw new SampanError(
      answer.status === 401 ? 'unauthenticated' : 'internal',
      `login attempt to ${url.href} failed with status: ${answer.status}`,
    );
  } catch (error) {
    const refusal = error instanceof Transient ? error.failure : error;
    if (!(refusal instanceof RegistryRefusal)) throw error;
    const code = refusal.status === 401 ? 'unauthenticated' : 'internal';
    throw new SampanError(code, `Get ${JSON.stringify(url.href)}: ${messageOf(refusal)}`);
  }
}
