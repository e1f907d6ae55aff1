import { invalid } from '../base/errors.ts';
import type { Schema } from '../wire/schema.ts';
import type { Request } from './http/session.ts';

/** Bodies hold configurations; the largest known part of one is a seccomp profile. */
const MAX_JSON_BODY = 16 * 1024 * 1024;
/** Go's decoder gives up at this nesting. */
const MAX_DEPTH = 10_000;

/**
 * The request's JSON body in the schema's form; undefined when there is none. Fails as Docker does: another Content-Type, a body that is
 * not one JSON value, values of the wrong type.
 */
export async function readJson<T>(request: Request, schema: Schema<T>): Promise<T | undefined> {
  const given = await readRawJson(request);
  return given === undefined ? undefined : schema.decode(given.value, '');
}

/** The same before decoding: `null` is a value. */
async function readRawJson(request: Request): Promise<{ readonly value: unknown } | undefined> {
  const type = request.headers.get('content-type') ?? '';
  if (type !== '' || request.body.length !== 0) checkContentType(type);
  if (request.body.length === 0) return undefined;
  const text = decodeText(await request.body.whole(MAX_JSON_BODY));
  if (text.trim() === '') throw invalid('invalid JSON: got EOF while reading request body');
  if (text.length > MAX_DEPTH && isTooDeep(text)) throw invalid('invalid JSON: exceeded max depth');
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    throw invalid(trailing(text) ? 'unexpected content after JSON' : `invalid JSON: ${reason(error)}`, {
      cause: error,
    });
  }
}

function checkContentType(type: string): void {
  const media = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (media === 'application/json') return;
  if (type !== '' && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(media)) {
    throw invalid(`malformed Content-Type header (${type})`);
  }
  throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid('invalid JSON: not UTF-8', { cause: error });
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Whether the text starts with a whole object, and something follows. */
function trailing(text: string): boolean {
  let depth = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (match[0] === '{' || match[0] === '[') depth++;
    else if (match[0] === '}' || match[0] === ']') depth--;
    if (depth > 0) continue;
    const end = match.index + match[0].length;
    return parses(text.slice(0, end)) && text.slice(end).trim() !== '';
  }
  return false;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function reason(error: unknown): string {
  return (error as Error).message.replace(/^JSON Parse error: /, '');
}
