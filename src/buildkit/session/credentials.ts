import type { Context } from '../../base/context.ts';
import { isCode, messageOf } from '../../base/errors.ts';
import type { Credentials } from '../../distribution/contract.ts';
import { CredentialsRequest, CredentialsResponse } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';

const PATH = '/moby.filesync.v1.Auth/Credentials';
/** What clients' logins call Docker's own registry. */
const HUB = { domain: 'docker.io', host: 'registry-1.docker.io' };

/** Whom a registry knows the client as; undefined for nobody. */
export async function sessionCredentials(
  context: Context,
  session: ClientSession,
  domain: string,
): Promise<Credentials | undefined> {
  if (!session.methods.has(PATH.toLowerCase())) return undefined;
  const host = domain === HUB.domain ? HUB.host : domain;
  try {
    const types = [CredentialsRequest, CredentialsResponse] as const;
    const { username, secret } = await session.client.unary(PATH, types, { host }, context.signal);
    if (secret === '') return undefined;
    return username === ''
      ? { username, password: '', identityToken: secret, registryToken: '' }
      : { username, password: secret, identityToken: '', registryToken: '' };
  } catch (error) {
    if (isCode(error, 'cancelled') || isCode(error, 'unavailable')) throw error;
    context.log.debug('a client gave no credentials', { domain, error: messageOf(error) });
    return undefined;
  }
}
