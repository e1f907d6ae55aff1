import { isJsonObject } from '../base/json.ts';
import type { Credentials } from '../distribution/contract.ts';

/** Reads an `X-Registry-Auth` header: JSON in base64, of either alphabet. As with Docker, one that cannot be read means nobody. */
export function parseRegistryAuth(header: string | undefined): Credentials | undefined {
  const value = parseQuietly(Buffer.from(header ?? '', 'base64url').toString());
  return isJsonObject(value) ? credentialsOf(value) : undefined;
}

/** What of Docker's AuthConfig registries want to see; what is not text is not there. */
export function credentialsOf(config: Readonly<Record<string, unknown>>): Credentials {
  const text = (key: string): string => (typeof config[key] === 'string' ? config[key] : '');
  const [username = '', ...password] = Buffer.from(text('auth'), 'base64').toString().split(':');
  return {
    username: text('username') || username,
    password: text('password') || password.join(':'),
    identityToken: text('identitytoken'),
    registryToken: text('registrytoken'),
  };
}

function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
