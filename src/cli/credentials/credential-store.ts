import { isJsonObject } from '../../base/json.ts';
import type { ConfigFile } from '../config-file.ts';
import type { Session } from '../session.ts';
import { type ConfigDocument, changeConfig } from './config-document.ts';
import { CredentialHelper } from './helper.ts';
import { hostOfServer, type Login } from './login.ts';

/** Where the logins of a registry are kept. Failures are Errors in Docker's words. */
export interface CredentialStore {
  get(server: string): Promise<Login | undefined>;
  store(server: string, login: Login): Promise<void>;
  /** Erasing what is not there is no failure. */
  erase(server: string): Promise<void>;
}

/** The store that the configuration names for the server: a helper of its own, the helper of all, or the file itself. */
export function credentialStore(session: Session, server: string): CredentialStore {
  const { config } = session;
  const { environment } = session.io;
  const file = new FileStore(session);
  const configured = Object.hasOwn(config.credHelpers, server)
    ? config.credHelpers[server]
    : config.credsStore;
  if (configured) return new HelperStore(file, new CredentialHelper(configured, environment));
  const found =
    configured === undefined || hasLogins(config) ? undefined : installedHelper(environment['PATH'] ?? '');
  if (found === undefined) return file;
  return new HelperStore(new FileStore(session, found), new CredentialHelper(found, environment));
}

/** The servers that there may be logins for. */
export async function serversOf({ config, io }: Session): Promise<string[]> {
  const { auths, credHelpers, credsStore } = config;
  const kept = credsStore === '' ? [] : await new CredentialHelper(credsStore, io.environment).list();
  return [...new Set([...Object.keys(auths), ...Object.keys(credHelpers), ...kept])];
}

function hasLogins({ auths, credHelpers, credsStore }: ConfigFile): boolean {
  return credsStore !== '' || Object.keys(auths).length > 0 || Object.keys(credHelpers).length > 0;
}

/** A user who has never logged in gets the system's own keychain, where one is installed. */
function installedHelper(PATH: string): string | undefined {
  const name = Bun.which('pass', { PATH }) === null ? 'secretservice' : 'pass';
  return Bun.which(`docker-credential-${name}`, { PATH }) === null ? undefined : name;
}

/** Keeps logins in `config.json`: readable by whoever may read the file. */
class FileStore implements CredentialStore {
  readonly #session: Session;
  readonly #credsStore: string | undefined;

  /** `credsStore` is written down with what is stored. */
  constructor(session: Session, credsStore?: string) {
    this.#session = session;
    this.#credsStore = credsStore;
  }

  async get(server: string): Promise<Login | undefined> {
    const { auths } = this.#session.config;
    if (Object.hasOwn(auths, server)) return auths[server];
    // Old versions of Docker used URLs as keys.
    return Object.entries(auths).find(([key]) => hostOfServer(key) === server)?.[1];
  }

  async store(server: string, login: Login): Promise<void> {
    let isNew = false;
    await changeConfig(this.#session.configDirectory, (document) => {
      const auths = authsOf(document);
      const old = Object.hasOwn(auths, server) ? auths[server] : undefined;
      const entry = entryOf(login, old);
      isNew = JSON.stringify(entry) !== JSON.stringify(old);
      if (this.#credsStore !== undefined) document['credsStore'] = this.#credsStore;
      document['auths'] = { ...auths, [server]: entry };
      return isNew;
    });
    if (isNew && login.password !== '') this.#session.io.err(this.#warning());
  }

  async erase(server: string): Promise<void> {
    if (!Object.hasOwn(this.#session.config.auths, server)) return;
    await changeConfig(this.#session.configDirectory, (document) => {
      const { [server]: erased, ...auths } = authsOf(document);
      document['auths'] = auths;
      return erased !== undefined;
    });
  }

  #warning(): string {
    return `
WARNING! Your credentials are stored unencrypted in '${this.#session.configDirectory}/config.json'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`;
  }
}

function authsOf(document: ConfigDocument): Readonly<Record<string, unknown>> {
  const { auths } = document;
  return isJsonObject(auths) ? auths : {};
}

/** A login as `config.json` has it; what else an older entry says (an email address) stays. */
function entryOf(login: Login, old: unknown): Record<string, unknown> {
  const { auth: _, identitytoken: __, ...rest } = isJsonObject(old) ? old : {};
  const { username, password, identityToken } = login;
  const auth =
    username === '' && password === '' ? '' : Buffer.from(`${username}:${password}`).toString('base64');
  return {
    ...(auth === '' ? {} : { auth }),
    ...rest,
    ...(identityToken === '' ? {} : { identitytoken: identityToken }),
  };
}

/** Keeps secrets in a helper; the file only notes that there is a login. */
class HelperStore implements CredentialStore {
  readonly #file: FileStore;
  readonly #helper: CredentialHelper;

  constructor(file: FileStore, helper: CredentialHelper) {
    this.#file = file;
    this.#helper = helper;
  }

  get(server: string): Promise<Login | undefined> {
    return this.#helper.get(server);
  }

  async store(server: string, login: Login): Promise<void> {
    await this.#helper.store(server, login);
    await this.#file.store(server, { username: '', password: '', identityToken: '' });
  }

  async erase(server: string): Promise<void> {
    await this.#helper.erase(server);
    await this.#file.erase(server);
  }
}
