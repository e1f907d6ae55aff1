import { invalid } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { Credentials } from '../../distribution/contract.ts';
import { BUILD_SECRETS_HEADER } from '../../wire/build-messages.ts';
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

/** Secrets by their IDs. Fails with `invalid-argument` on what cannot be read. */
export function buildSecrets(headers: Headers): ReadonlyMap<string, Uint8Array> {
  const header = headers.get(BUILD_SECRETS_HEADER.toLowerCase());
  const secrets = header === undefined ? {} : decoded(header);
  if (secrets === undefined)
    throw invalid(`invalid ${BUILD_SECRETS_HEADER} header: expected a JSON object in base64url`);
  return new Map(
    Object.entries(secrets).map(([id, bytes]) => {
      if (typeof bytes !== 'string')
        throw invalid(`invalid ${BUILD_SECRETS_HEADER} header: a secret is no text`);
      return [id, Buffer.from(bytes, 'base64')];
    }),
  );
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
