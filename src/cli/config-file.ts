import { readFileSync, statSync } from 'node:fs';
import { errnoOf, isErrno } from '../base/errno.ts';
import { messageOf } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { Login } from './credentials/login.ts';

/** More than any configuration has; whoever put more there did not mean one. */
export const MAX_CONFIG_BYTES = 4 << 20;

/** The parts of Docker's `config.json` that commands look at. */
export interface ConfigFile {
  readonly psFormat: string;
  readonly imagesFormat: string;
  readonly networksFormat: string;
  readonly volumesFormat: string;
  readonly statsFormat: string;
  readonly detachKeys: string;
  /** Filters of every prune: `label!=keep`. */
  readonly pruneFilters: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly auths: Readonly<Record<string, Login>>;
  /** The credential helper of all registries that `credHelpers` does not name, or empty. */
  readonly credsStore: string;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly proxies: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Reads `config.json` of a directory. A missing one says nothing; one that cannot be read is told, and says nothing either. */
export function readConfigFile(directory: string, warn: (line: string) => void): ConfigFile {
  const path = `${directory}/config.json`;
  const fields = readFields(path, warn);
  const textOf = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    psFormat: textOf('psFormat'),
    imagesFormat: textOf('imagesFormat'),
    networksFormat: textOf('networksFormat'),
    volumesFormat: textOf('volumesFormat'),
    statsFormat: textOf('statsFormat'),
    detachKeys: textOf('detachKeys'),
    pruneFilters: listOf(fields.pruneFilters),
    headers: textsOf(fields.HttpHeaders),
    auths: authsOf(fields.auths, (server) =>
      warn(
        `WARNING: Error parsing config file (${path}): the "auth" of ${JSON.stringify(server)} is not user:password in base64\n`,
      ),
    ),
    credsStore: textOf('credsStore'),
    credHelpers: textsOf(fields.credHelpers),
    proxies: proxiesOf(fields.proxies),
  };
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function readFields(path: string, warn: (line: string) => void): JsonObject {
  try {
    if (statSync(path).size > MAX_CONFIG_BYTES) throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
    const text = readFileSync(path, 'utf8');
    const content: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (!isJsonObject(content)) throw new Error('it is not a JSON object');
    return content;
  } catch (reason) {
    const doing = errnoOf(reason) === undefined ? `parsing config file (${path})` : 'loading config file';
    if (!isErrno(reason, 'ENOENT')) warn(`WARNING: Error ${doing}: ${messageOf(reason)}\n`);
    return {};
  }
}

function textsOf(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function proxiesOf(value: unknown): ConfigFile['proxies'] {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([host, settings]) => [host, textsOf(settings)]));
}

/** `auth` is base64 of `user:password`. */
function authsOf(value: unknown, warn: (server: string) => void): ConfigFile['auths'] {
  if (!isJsonObject(value)) return {};
  const entries = Object.entries(value).map(([server, settings]): [string, Login] => {
    const { auth = '', identitytoken: identityToken = '', ...plain } = textsOf(settings);
    const { username = '', password = '' } = plain;
    if (auth === '') return [server, { username, password, identityToken }];
    const decoded = Buffer.from(auth, 'base64').toString();
    const colon = decoded.indexOf(':');
    if (colon <= 0) {
      warn(server);
      return [server, { username: '', password: '', identityToken }];
    }
    const secret = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '');
    return [server, { username: decoded.slice(0, colon), password: secret, identityToken }];
  });
  return Object.fromEntries(entries);
}
