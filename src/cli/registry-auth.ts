import { messageOf } from '../base/errors.ts';
import { ApiError } from '../client/errors.ts';
import { encodeAuth } from '../client/registries.ts';
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

/** The `X-Registry-Auth` header for an image of that domain: what is known of its registry. */
export async function registryAuth(session: Session, domain: string): Promise<string> {
  return encodeAuth(authConfigOf(serverOfDomain(domain), await findLogin(session, domain)));
}

/**
 * Asks the daemon for something that concerns a registry. Where the registry wants another login, a user at a terminal is asked for one,
 * once; it is not kept. `purpose` is the command's name.
 */
export async function askWithLogin<T>(
  session: Session,
  domain: string,
  purpose: string,
  ask: (auth: string) => Promise<T>,
): Promise<T> {
  const known = await findLogin(session, domain);
  const server = serverOfDomain(domain);
  try {
    return await ask(encodeAuth(authConfigOf(server, known)));
  } catch (reason) {
    if (!(reason instanceof ApiError) || reason.status !== 401 || !session.io.stdinIsTerminal) throw reason;
    session.io.err(`${reason.message}\n`);
  }
  session.io.out(`\nLogin prior to ${purpose}:\n`);
  const { promptForLogin } = await import('./credentials/prompt-for-login.ts');
  const given = await promptForLogin(session.io, server, { defaultUsername: known?.username });
  return ask(encodeAuth(authConfigOf(server, given)));
}
