/** What a user shows to one registry. */
export interface Login {
  readonly username: string;
  readonly password: string;
  /** A refresh token that the registry gave for the password, or empty. */
  readonly identityToken: string;
}

/** The key of Docker Hub in `config.json` and in credential helpers. */
export const HUB_SERVER = 'https://index.docker.io/v1/';

/** The key of the registry that an image's domain names. */
export function serverOfDomain(domain: string): string {
  return domain === 'docker.io' || domain === 'index.docker.io' ? HUB_SERVER : domain;
}

/** The host, with its port, of an address that may be written as a URL. */
export function hostOfServer(address: string): string {
  if (address.includes('://') && URL.canParse(address)) {
    const { hostname } = new URL(address);
    // URL drops a scheme's own port, which is part of the key where it was written.
    const port = /^[^/]*:\/\/(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:?#]*):(\d+)/.exec(address)?.[1];
    if (hostname !== '') return port === undefined ? hostname : `${hostname}:${port}`;
  }
  return address.split('/', 1)[0] ?? '';
}

/** The API's AuthConfig; what is not known is left out, and so is the server of no login. */
export function authConfigOf(server: string, login: Login | undefined): Record<string, string> {
  if (login === undefined) return {};
  const { username, password, identityToken } = login;
  const fields = { username, password, serveraddress: server, identitytoken: identityToken };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}
