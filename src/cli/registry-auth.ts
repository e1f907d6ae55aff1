import type { Reference } from '../oci/reference.ts';
import type { ConfigFile } from './config-file.ts';

const DEFAULT_SERVER = 'https://index.docker.io/v1/';

/** The `X-Registry-Auth` header for pulling an image: what the configuration knows of its registry, in base64url. */
export function registryAuth(config: ConfigFile, { domain }: Reference): string {
  const key = domain === 'docker.io' ? DEFAULT_SERVER : domain;
  const found = config.auths[key] ?? config.auths[`https://${domain}`] ?? {};
  const auth = { ...found, serveraddress: key };
  return Buffer.from(JSON.stringify(auth)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
