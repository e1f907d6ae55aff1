import { invalid } from '../base/errors.ts';
import type { QueryParameters } from '../wire/route.ts';
import { DecodeError } from '../wire/schema.ts';
import { type ApiVersion, chooseVersion, currentVersion } from '../wire/versions.ts';

export interface Target {
  readonly version: ApiVersion;
  /** Decoded, without the version. */
  readonly path: string;
  /** Undecoded text after "?". */
  readonly query: string;
}

const listOfNetworks = /^(\/v[0-9.]+)?\/networks\/$/;
const versionPrefix = /^\/v([0-9.]+)(\/.*)$/;

/** Splits what a request asks for. Fails with `invalid-argument` for versions that are not served and paths that are no text. */
export function parseTarget(target: string): Target {
  const mark = target.indexOf('?');
  const query = mark === -1 ? '' : target.slice(mark + 1);
  const path = decodePath(mark === -1 ? target : target.slice(0, mark));
  const prefixed = versionPrefix.exec(path);
  if (prefixed === null) return { version: currentVersion, path, query };
  const [, asked = '', rest = ''] = prefixed;
  const choice = chooseVersion(asked);
  if (choice.version === undefined) throw invalid(choice.error);
  return { version: choice.version, path: rest, query };
}

function decodePath(path: string): string {
  const fragment = path.indexOf('#');
  const text = decode(fragment === -1 ? path : path.slice(0, fragment));
  if (text.includes('\0')) throw invalid('invalid path: it contains a NUL byte');
  // Docker serves both; every other path is as it is written.
  return listOfNetworks.test(text) ? text.slice(0, -1) : text;
}

/** `%` escapes to text; what is not UTF-8 is refused. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`invalid URL escape in ${JSON.stringify(text.slice(0, 200))}`);
  }
}

/** Parameters of a query as the route declares them; others are ignored. Throws DecodeError, naming the parameter. */
export function parseQuery(query: string, parameters: QueryParameters): Record<string, unknown> {
  const given = new Map<string, string[]>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeWord(equals === -1 ? pair : pair.slice(0, equals));
    if (!Object.hasOwn(parameters, name)) continue;
    const value = equals === -1 ? '' : decodeWord(pair.slice(equals + 1));
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  }
  const result: Record<string, unknown> = {};
  for (const name in parameters) {
    const values = given.get(name);
    const parameter = parameters[name];
    result[name] = values === undefined ? parameter?.absent : parameter?.decode(values);
  }
  return result;
}

function decodeWord(text: string): string {
  const value = decode(text.replaceAll('+', ' '));
  if (value.includes('\0')) throw new DecodeError('invalid query: it contains a NUL byte');
  return value;
}
