/** The headers of `POST /build`. */
export function buildHeaders(registryLogins: Readonly<Record<string, object>>): Record<string, string> {
  return { 'Content-Type': 'application/x-tar', 'X-Registry-Config': encoded(registryLogins) };
}

/** Base64url with its padding, as Go's clients send it. */
function encoded(value: object): string {
  const base64 = Buffer.from(JSON.stringify(value)).toString('base64');
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}
