import { messageOf } from '../../base/errors.ts';
import { credentialStore, serversOf } from '../credentials/credential-store.ts';
import { authConfigOf } from '../credentials/login.ts';
import type { Session } from '../session.ts';

/** All that is known of registries, by server: base images may come from any of them. */
export async function registryLogins(session: Session): Promise<Record<string, object>> {
  const entries = await Promise.all((await knownServers(session)).map((server) => loginOf(session, server)));
  return Object.fromEntries(entries.filter((entry) => entry !== undefined));
}

async function knownServers(session: Session): Promise<string[]> {
  return orWarn(session, () => serversOf(session), []);
}

async function loginOf(session: Session, server: string): Promise<[string, object] | undefined> {
  const login = await orWarn(session, () => credentialStore(session, server).get(server), undefined);
  return login === undefined ? undefined : [server, authConfigOf(server, login)];
}

/** A keychain that is locked keeps nobody from building what needs none of its logins. */
async function orWarn<T>(session: Session, ask: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await ask();
  } catch (reason) {
    session.io.err(`WARNING: ${messageOf(reason)}\n`);
    return otherwise;
  }
}
