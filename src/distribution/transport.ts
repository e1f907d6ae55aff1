import { build } from '../base/build-facts.ts';
import type { Context } from '../base/context.ts';
import { internal } from '../base/errors.ts';
import { type BodySource, discard, type HttpAnswer, receive, Sending } from './bodies.ts';
import { authoritiesOfSystem, certificatesOf } from './certificates.ts';
import { dialWords } from './dial-words.ts';
import { isInsecure, type RegistrySettings, refuseAstray } from './endpoints.ts';
import { Transient, Unreachable } from './failures.ts';
import { completeProxies, proxyFor } from './proxies.ts';
import type { Patience } from './retries.ts';
import { StallWatch } from './stall-watch.ts';

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method?: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the URL's own origin only, whatever it redirects to. */
  readonly authorization?: string | undefined;
  /** Text is a form with credentials, and like those goes to the URL's own origin only. */
  readonly body?: string | Uint8Array<ArrayBuffer> | BodySource;
  /** "host:port" of the registry in whose name it is sent: its certificate authorities vouch for other hosts too. */
  readonly registry?: string;
  /** The other side has much work to do before it answers. */
  readonly isSlow?: boolean;
}

const redirects: readonly number[] = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;
const MAX_KNOWN = 1_000;
/** How much longer than any other an answer to a slow request may take. */
const SLOW = 10;

const USER_AGENT = `sampan/${build.version} os/${process.platform} arch/${process.arch}`;

/** One HTTP exchange at a time: redirects, proxies, certificates, stalls. What may be tried again fails with `Transient`. */
export class Transport {
  readonly #settings: () => RegistrySettings;
  readonly #patience: Patience;
  /** Origins that have answered: that they do not now is a passing trouble. */
  readonly #known = new Set<string>();

  constructor(settings: () => RegistrySettings, patience: Patience) {
    this.#settings = settings;
    this.#patience = patience;
  }

  /** The answer to a request after all redirects, of any status. */
  async exchange(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    let { url, authorization } = request;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#send(context, { ...request, url, authorization });
      const location = answer.headers.get('location');
      if (!redirects.includes(answer.status) || location === null) return answer;
      await discard(answer);
      refuseLoss(request, answer.status);
      const next = this.#follow(url, location);
      if (next.origin !== request.url.origin) {
        if (typeof request.body === 'string') {
          throw internal(`${url} redirects a form with credentials to another host`);
        }
        authorization = undefined;
      }
      url = next;
    }
    throw internal(`${request.url} redirects more than ${MAX_REDIRECTS} times`);
  }

  #follow(from: URL, location: string): URL {
    const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (next?.protocol !== 'http:' && next?.protocol !== 'https:') {
      throw internal(`${from} redirects to what is no http(s) URL`);
    }
    refuseAstray(from, next, this.#settings());
    next.username = '';
    next.password = '';
    return next;
  }

  async #send(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    const { method = 'GET', url } = request;
    context.signal.throwIfAborted();
    const connection = await this.#connection(request);
    const watch = new StallWatch(context, this.#patience, url.host);
    const sending = isSource(request.body) ? new Sending(request.body, watch) : undefined;
    const body = sending?.stream ?? (request.body as Exclude<HttpRequest['body'], BodySource>);
    watch.wait(request.isSlow ? SLOW : 1);
    try {
      const response = await fetch(url, {
        ...{ method, redirect: 'manual', decompress: false, timeout: false, signal: watch.signal },
        headers: headersOf(request),
        ...(body === undefined ? {} : { body }),
        ...connection,
      });
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.add(url.origin);
      watch.answered();
      return { status: response.status, headers: response.headers, body: receive(response.body, watch) };
    } catch (cause) {
      throw sending?.failure ?? this.#connectionFailure(method, url, watch.reason(cause), cause);
    } finally {
      watch.pause();
    }
  }

  #connectionFailure(method: Method, url: URL, reason: unknown, cause: unknown): unknown {
    const isKnown = this.#known.has(url.origin);
    // Who never answered is not asked again and again.
    if (reason instanceof Transient && !isKnown) return reason.failure;
    if (reason !== cause) return reason;
    const failure = new Unreachable(`${nameOfRequest({ method, url })}: ${dialWords(url, cause)}`, { cause });
    return isKnown ? new Transient(failure) : failure;
  }

  /** How to get to the host, and whom to trust there. */
  async #connection({
    url,
    registry,
  }: HttpRequest): Promise<{ tls?: Bun.TLSOptions; proxy: string | false }> {
    const settings = this.#settings();
    // `false`, or else the runtime would follow the environment by its own rules.
    const proxy = proxyFor(url, completeProxies(settings.proxies, process.env))?.href ?? false;
    if (url.protocol === 'http:') return { proxy };
    const read = (host: string) => certificatesOf(host, settings.certificateDirectories);
    const names = url.port === '' ? [url.host, `${url.host}:443`] : [url.host];
    const [own, others] = await Promise.all([
      Promise.all(names.map(read)),
      registry === undefined || names.includes(registry) ? [] : read(registry).then((found) => [found]),
    ]);
    const client = own.find((found) => found.client !== undefined)?.client;
    if (isInsecure(url.host, settings)) return { proxy, tls: { rejectUnauthorized: false, ...client } };
    const authorities = [...own, ...others].flatMap((found) => found.authorities);
    const ca = [authoritiesOfSystem(), ...authorities].filter(Boolean).join('\n');
    return { proxy, tls: { ...(ca === '' ? {} : { ca }), ...client } };
  }
}

/** Uploads are followed only where the redirect keeps method and body (RFC 9110, section 15.4). */
function refuseLoss({ method = 'GET', url }: HttpRequest, status: number): void {
  if (method === 'GET' || method === 'HEAD' || status === 307 || status === 308) return;
  throw internal(`${url} answers a ${method} with a redirect that drops what was sent (status ${status})`);
}

/** 'Get "https://…"', as Docker's failures name a request. */
export function nameOfRequest({ method = 'GET', url }: Pick<HttpRequest, 'method' | 'url'>): string {
  return `${method.slice(0, 1)}${method.slice(1).toLowerCase()} ${JSON.stringify(url.href)}`;
}

function isSource(body: HttpRequest['body']): body is BodySource {
  return typeof body === 'object' && 'open' in body;
}

function headersOf({ body, headers, authorization }: HttpRequest): Record<string, string> {
  return {
    'User-Agent': USER_AGENT,
    'Accept-Encoding': 'identity',
    ...headers,
    ...(isSource(body) ? { 'Content-Length': String(body.length) } : {}),
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  };
}
