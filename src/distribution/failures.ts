import { STATUS_CODES } from 'node:http';
import { type ErrorCode, internal, notFound, SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { familiarReference, familiarRepository, type Reference } from '../oci/reference.ts';
import type { Challenge } from './challenge.ts';
import { parseJson } from './json.ts';

/** A registry's refusal, by the error codes of the distribution specification. Does not leave this folder: see `explain`. */
export class RegistryRefusal extends Error {
  override readonly name = 'RegistryRefusal';
  readonly status: number;
  /** "MANIFEST_UNKNOWN", "DENIED" …, or empty for what has none. */
  readonly code: string;
  readonly detail: string;
  /** What was refused, 'Get "https://…"', where that is worth telling. */
  readonly request: string;

  constructor(status: number, code: string, detail: string, request = '') {
    super(code === '' ? detail : `${code.toLowerCase().replaceAll('_', ' ')}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.request = request;
  }

  /** The same refusal, told with the request that it stood in the way of. */
  about(request: string): RegistryRefusal {
    return new RegistryRefusal(this.status, this.code, this.detail, request);
  }
}

/** Nobody answered at an endpoint: another one may. Does not leave this folder. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** A failure that may be over when the same is asked again. Does not leave this folder. */
export class Transient extends Error {
  override readonly name = 'Transient';
  readonly failure: Error;
  /** Milliseconds that the registry asks to wait. */
  readonly wait: number | undefined;

  constructor(failure: Error, wait?: number) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.wait = wait;
  }
}

/** Whether nobody answered, now or after some tries. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Transient && isUnreachable(error.failure));
}

/** The refusal of a registry that wants a name and password when there are none. */
export function noCredentials(request: string): RegistryRefusal {
  return new RegistryRefusal(401, '', 'no basic auth credentials', request);
}

const defaults: Readonly<Record<number, readonly [string, string]>> = {
  401: ['UNAUTHORIZED', 'authentication required'],
  403: ['DENIED', 'requested access to the resource is denied'],
  429: ['TOOMANYREQUESTS', 'too many requests'],
};

const MAX_DETAIL = 1_000;

/** Reads what a registry says with a failing status: its challenges, the list of errors in its body, or only the status. */
export function refusalOf(
  status: number,
  body: Uint8Array,
  challenges: readonly Challenge[],
): RegistryRefusal {
  const isDenied = challenges.some(({ parameters }) => parameters.get('error') === 'insufficient_scope');
  if (status === 401 && isDenied) return new RegistryRefusal(status, ...textsOf(403));
  const [code, detail] = textsOf(status);
  const said = firstError(status, body);
  return new RegistryRefusal(status, said?.code ?? code, printable(said?.detail || detail));
}

function textsOf(status: number): readonly [string, string] {
  const name = STATUS_CODES[status] ?? '';
  return defaults[status] ?? ['', `received unexpected HTTP status: ${status} ${name}`.trimEnd()];
}

function firstError(
  status: number,
  body: Uint8Array,
): { readonly code: string; readonly detail: string } | undefined {
  const value = parseJson(body);
  const details = isJsonObject(value) ? value['details'] : undefined;
  const [code] = defaults[status] ?? [];
  // Docker Hub's token server says it so.
  if (typeof details === 'string' && code !== undefined) return { code, detail: details };
  const errors = isJsonObject(value) ? value['errors'] : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (!isJsonObject(first) || typeof first['code'] !== 'string') return undefined;
  const { code: given, message } = first;
  return { code: printable(given), detail: typeof message === 'string' ? message : '' };
}

/** Without what could make a terminal or a log say something else. */
function printable(text: string): string {
  return text.slice(0, MAX_DETAIL).replace(/\p{Cc}/gu, ' ');
}

/** A failure as the rest of the program sees it, in the words that Docker has for each purpose. */
export function explain(error: unknown, reference: Reference, purpose: Purpose = 'pull'): unknown {
  if (error instanceof Transient) return explain(error.failure, reference, purpose);
  if (error instanceof Unreachable) return internal(error.message, { cause: error.cause });
  if (!(error instanceof RegistryRefusal)) return error;
  const text =
    error.request === '' || purpose === 'push' ? error.message : `${error.request}: ${error.message}`;
  if (purpose === 'describe') return new SampanError(codesOfStatus[error.status] ?? 'internal', text);
  if (purpose === 'pull') return explainPull(error, text, reference);
  // As with a pull: no 401.
  return new SampanError(error.code === 'DENIED' ? 'permission-denied' : 'internal', text);
}

export type Purpose = 'pull' | 'push' | 'describe';

const codesOfStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'permission-denied',
  404: 'not-found',
};

function explainPull(error: RegistryRefusal, text: string, reference: Reference): SampanError {
  const name = familiarRepository(reference);
  switch (error.code) {
    case 'DENIED':
      return notFound(
        `pull access denied for ${name}, repository does not exist or may require 'docker login': ${text}`,
      );
    case 'MANIFEST_UNKNOWN':
      return notFound(`manifest for ${familiarReference(reference)} not found: ${text}`);
    case 'NAME_UNKNOWN':
      return notFound(`repository ${name} not found: ${text}`);
    default:
      // Docker answers with 500 here; a 401 would make its command line ask for a password.
      return internal(text);
  }
}

export function lossOf(what: string): SampanError {
  return new SampanError('data-loss', what);
}
