import { invalid } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import type { GitOperation } from '../definition/vertex.ts';

/** What git takes for an address of ours: never a path, an option, or a transport that is a command. */
const addresses: readonly RegExp[] = [
  /^(?:https?|git|ssh):\/\/[^-\s]\S*$/,
  // "user@host:path"; neither may begin like an option.
  /^[a-zA-Z0-9_][\w.-]*@[a-zA-Z0-9[][\w.:[\]-]*:[^:\s-]\S*$/,
];

/**
 * Checks once more what becomes part of git's command line, wherever the definition comes from: an address, ref or subdirectory that would be an
 * option or lead outside is refused (as in CVE-2019-13139).
 */
export function checkGitOperation({ url, ref, subdirectory, checksum }: GitOperation): void {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const isAddress = addresses.some((pattern) => pattern.test(url)) && !/^-|@-/.test(address?.host ?? '');
  if (!isAddress || /[\x00-\x20\x7f]/.test(url))
    throw invalid(`invalid Git URL ${JSON.stringify(withoutUser(url))}`);
  if (ref.startsWith('-') || /[\s\0~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$/.test(ref)) {
    throw invalid(`invalid Git ref ${JSON.stringify(ref)}`);
  }
  if (subdirectory.split('/').includes('..') || subdirectory.includes('\0')) {
    throw invalid(`invalid Git subdirectory ${JSON.stringify(subdirectory)}`);
  }
  if (!/^[0-9a-f]*$/.test(checksum)) throw invalid(`invalid checksum ${JSON.stringify(checksum)}`);
}

/** An address of the web without the name and password in it; others need the name. */
export function withoutUser(url: string): string {
  return /^https?:/.test(url) ? withoutCredentials(url) : url;
}
