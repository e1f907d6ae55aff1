import { cut } from './flag-types.ts';
import type { Session } from './session.ts';

const variables: Readonly<Record<string, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
};

/** Proxies of the configuration as `NAME=value`, in both spellings, but for those that are among `given`. */
export function proxyEnvironment(session: Session, given: readonly string[]): string[] {
  const { proxies } = session.config;
  const settings = proxies[session.address.host] ?? proxies.default ?? {};
  const own = new Set(given.map((entry) => cut(entry, '=')[0]));
  return Object.entries(variables).flatMap(([key, name]) => {
    const value = settings[key];
    if (value === undefined || value === '') return [];
    return [name, name.toLowerCase()].filter((one) => !own.has(one)).map((one) => `${one}=${value}`);
  });
}
