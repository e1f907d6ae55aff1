import { isJsonObject } from '../base/json.ts';

/** What an `X-Registry-Auth` header holds, as far as registries want to see it. */
export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
  readonly registryToken: string;
}

/** Reads the header: JSON in base64, of either alphabet. As with Docker, one that cannot be read means nobody. */
export function parseRegistryAuth(header: string | undefined): RegistryAuth | undefined {
  const value = parseQuietly(Buffer.from(header ?? '', 'base64url').toString());
  if (!isJsonObject(value)) return undefined;
  const text = (key: string): string => (typeof value[key] === 'string' ? value[key] : '');
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
