import { readFileSync } from 'node:fs';
import { errnoOf } from '../base/errno.ts';
import { isJsonObject } from '../base/json.ts';

/** The parts of Docker's `config.json` that commands look at. */
export interface ConfigFile {
  readonly psFormat: string;
  readonly imagesFormat: string;
  readonly networksFormat: string;
  readonly volumesFormat: string;
  readonly statsFormat: string;
  readonly detachKeys: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly auths: Readonly<Record<string, RegistryAuth>>;
  readonly proxies: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** Reads `config.json` of a directory; a missing or unreadable one says nothing. */
export function readConfigFile(directory: string, warn: (line: string) => void): ConfigFile {
  const path = `${directory}/config.json`;
  let content: unknown = {};
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (reason) {
    // What is not there, or not for this user, says nothing; what is no JSON is told.
    if (errnoOf(reason) === undefined) warn(`WARNING: Error loading config file: ${path}: ${reason}\n`);
  }
  const fields: Readonly<Record<string, unknown>> = isJsonObject(content) ? content : {};
  const textOf = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    psFormat: textOf('psFormat'),
    imagesFormat: textOf('imagesFormat'),
    networksFormat: textOf('networksFormat'),
    volumesFormat: textOf('volumesFormat'),
    statsFormat: textOf('statsFormat'),
    detachKeys: textOf('detachKeys'),
    headers: textsOf(fields.HttpHeaders),
    auths: authsOf(fields.auths),
    proxies: proxiesOf(fields.proxies),
  };
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
function authsOf(value: unknown): ConfigFile['auths'] {
  if (!isJsonObject(value)) return {};
  const entries = Object.entries(value).map(([registry, settings]): [string, RegistryAuth] => {
    const { auth = '', identitytoken } = textsOf(settings);
    const decoded = Buffer.from(auth, 'base64').toString();
    const colon = decoded.indexOf(':');
    return [
      registry,
      {
        ...(colon < 0
          ? {}
          : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }),
        ...(identitytoken === undefined ? {} : { identitytoken }),
      },
    ];
  });
  return Object.fromEntries(entries);
}
