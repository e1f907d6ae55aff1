import { messageOf } from '../base/errors.ts';
import type { Reference } from '../oci/reference.ts';
import { authConfigOf, type Login, serverOfDomain } from './credentials/login.ts';
import type { Session } from './session.ts';

/** The login of the registry that an image's domain names. What a credential helper fails with is told; the registry is asked without. */
export async function findLogin(session: Session, domain: string): Promise<Login | undefined> {
  const { credentialStore } = await import('./credentials/credential-store.ts');
  const server = serverOfDomain(domain);
  try {
    return await credentialStore(session, server).get(server);
  } catch (reason) {
    session.io.err(`WARNING: ${messageOf(reason)}\n`);
    return undefined;
  }
}

/** The `X-Registry-Auth` header for an image: what is known of its registry, as JSON in base64url. */
export async function registryAuth(session: Session, { domain }: Pick<Reference, 'domain'>): Promise<string> {
  return encodeAuth(domain, await findLogin(session, domain));
}

export function encodeAuth(domain: string, login: Login | undefined): string {
  const json = JSON.stringify(authConfigOf(serverOfDomain(domain), login));
  return Buffer.from(json).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
