import { SampanError } from '../../base/errors.ts';

const MAX_REDIRECTS = 10;

/**
 * Asks for a URL, following redirects to http and https alone. Nothing that was said to one host - a name and password in the URL, headers
 * that describe what we have - is said to another. Fails with `invalid-argument` on a URL of another kind, with `unavailable` where no answer
 * comes.
 */
export async function request(
  signal: AbortSignal,
  url: string,
  conditions: Readonly<Record<string, string>>,
): Promise<Response> {
  let next = checked(url);
  const first = next.origin;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await ask(signal, next, next.origin === first ? conditions : {});
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || response.status === 304 || location === null) {
      return response;
    }
    await response.body?.cancel();
    next = checked(new URL(location, withoutSecrets(next)).href);
  }
  throw new SampanError('unavailable', `${shown(url)}: stopped after ${MAX_REDIRECTS} redirects`);
}

async function ask(
  signal: AbortSignal,
  url: URL,
  conditions: Readonly<Record<string, string>>,
): Promise<Response> {
  const { username, password } = url;
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization = username === '' ? {} : { authorization: `Basic ${credentials.toString('base64')}` };
  // A compressed answer would be another file.
  const headers = { ...conditions, ...authorization, 'accept-encoding': 'identity', 'user-agent': 'sampan' };
  try {
    return await fetch(withoutSecrets(url), { signal, headers, redirect: 'manual', decompress: false });
  } catch (cause) {
    signal.throwIfAborted();
    throw new SampanError('unavailable', `${shown(url.href)} cannot be downloaded: no answer`, { cause });
  }
}

function checked(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new SampanError(
    'invalid-argument',
    `cannot download from ${shown(text)}: only http and https are allowed`,
  );
}

function withoutSecrets(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  plain.hash = '';
  return plain;
}

/** A URL as messages may show it. */
export function shown(text: string): string {
  return JSON.stringify(plain(text));
}

/** A URL without the name and password in it. */
export function plain(text: string): string {
  return URL.canParse(text) ? withoutSecrets(new URL(text)).href : text;
}
