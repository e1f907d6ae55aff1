import { BlockList, isIP } from 'node:net';
import { invalid } from '../base/errors.ts';

/** Which proxies to go through, as the environment variables of the same names say it; empty for what those say. */
export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** Hosts that are asked directly: names (with those below them), ".name" (only those below), addresses, ranges, each with or without a port, or "*". */
  readonly noProxy: string;
}

/** What is said, or else the environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case. */
export function completeProxies(
  given: ProxySettings | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): ProxySettings {
  const read = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
  return {
    httpProxy: given?.httpProxy || read('HTTP_PROXY'),
    httpsProxy: given?.httpsProxy || read('HTTPS_PROXY'),
    noProxy: given?.noProxy || read('NO_PROXY'),
  };
}

/** The proxy that leads to a URL. Loopback is always direct, as with Go's programs. Fails with `invalid-argument` on a proxy that is no URL. */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const text = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (text === '' || !goesThroughProxy(url, settings.noProxy)) return undefined;
  const full = text.includes('://') ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : undefined;
  if (proxy?.protocol !== 'http:' && proxy?.protocol !== 'https:') {
    throw invalid(`the proxy for ${url.host} must be an http or https URL`, {
      hint: 'Look at http-proxy and https-proxy in daemon.json, and at HTTP_PROXY and HTTPS_PROXY.',
    });
  }
  return proxy;
}

function goesThroughProxy(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || isWithin(host, '127.0.0.0/8') || host === '::1') return false;
  const rules = noProxy.split(',').map((rule) => rule.trim().toLowerCase());
  return !rules.some((rule) => rule !== '' && matches(rule, host, port));
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*' || isWithin(host, rule)) return true;
  const [, bracketed, plain = '', rulePort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(rule) ?? [];
  // An IPv6 address without brackets has no port.
  const name = bracketed ?? (plain || rule);
  if (rulePort !== undefined && rulePort !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && isWithin(host, `${name}/${isIP(name) === 4 ? 32 : 128}`);
  const suffix = name.replace(/^\*\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function isWithin(host: string, range: string): boolean {
  const [address = '', length = ''] = range.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(length)) return false;
  if (Number(length) > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(length), kind);
  return list.check(host, kind);
}
