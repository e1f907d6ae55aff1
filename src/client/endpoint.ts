/** PEM texts, as read from files. Without `ca` the system's authorities are trusted. */
export interface TlsMaterial {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** false accepts any server certificate (`--tls` without `--tlsverify`). */
  readonly verify: boolean;
}

export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * Parses `unix:///path`, `tcp://host[:port]`, `http://host[:port]` and `https://host[:port]`. The port defaults to 2375, or 2376
 * with TLS. Throws an Error that quotes what it could not read.
 */
export function parseEndpoint(address: string, tls: boolean): Endpoint {
  const [scheme, rest = ''] = splitOnce(address, '://');
  if (scheme === 'unix') return { kind: 'unix', path: rest };
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') {
    throw new Error(`unable to parse docker host \`${address}\``);
  }
  const authority = rest.split('/', 1)[0] ?? '';
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(authority);
  if (match === null) throw new Error(`unable to parse docker host \`${address}\``);
  const port = match[3] === undefined ? (tls ? 2376 : 2375) : Number(match[3]);
  return { kind: 'tcp', host: match[1] ?? (match[2] || 'localhost'), port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
