import { withoutCredentials } from '../../base/without-credentials.ts';

const PROXY = /^build-arg:(?:http|https|ftp|no|all)_proxy$/i;
/** What may have a name and password in front of its host; names of images have an "@" of their own. */
const ADDRESS = /^(?:https?|git|ssh):/i;

/** What a build was asked for, as everybody may see it later: proxies often have passwords, and change nothing in what is made. */
export function shownAttributes(
  attributes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(attributes).filter(([name]) => !PROXY.test(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, ADDRESS.test(value) ? withoutCredentials(value) : value]),
  );
}
