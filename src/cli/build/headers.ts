import { BUILD_SECRETS_HEADER } from '../../wire/build-messages.ts';

/** The headers of `POST /build`. */
export function buildHeaders(
  registryLogins: Readonly<Record<string, object>>,
  secrets: ReadonlyMap<string, Uint8Array>,
): Record<string, string> {
  const inBase64 = [...secrets].map(([id, bytes]) => [id, Buffer.from(bytes).toString('base64')]);
  return {
    'Content-Type': 'application/x-tar',
    'X-Registry-Config': encoded(registryLogins),
    ...(inBase64.length === 0 ? {} : { [BUILD_SECRETS_HEADER]: encoded(Object.fromEntries(inBase64)) }),
  };
}

/** Base64url with its padding, as Go's clients send it. */
function encoded(value: object): string {
  const base64 = Buffer.from(JSON.stringify(value)).toString('base64');
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}
