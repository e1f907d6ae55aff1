import { isJsonObject } from '../../base/json.ts';
import type { Credentials } from '../../distribution/contract.ts';
import { credentialsOf } from '../registry-auth.ts';

type Headers = { get(name: string): string | undefined };

/** Docker Hub's key in configurations of clients. */
const HUB_KEYS = ['https://index.docker.io/v1/', 'index.docker.io', 'registry-1.docker.io'];

/** `X-Registry-Config`: whom registries know the client as. As with Docker, a header that cannot be read means nobody. */
export function buildCredentials(headers: Headers): (domain: string) => Credentials | undefined {
  const configs = decoded(headers.get('x-registry-config'));
  return (domain) => {
    const keys =
      domain === 'docker.io' ? [domain, ...HUB_KEYS] : [domain, `https://${domain}`, `http://${domain}`];
    const found = keys.map((key) => configs?.[key]).find(isJsonObject);
    return found === undefined ? undefined : credentialsOf(found);
  };
}

/** A JSON object in base64 of either alphabet. */
function decoded(header = ''): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
