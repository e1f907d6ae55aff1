import { internal, notFound, SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { familiarReference, familiarRepository, type Reference } from '../oci/reference.ts';
import type { Challenge } from './challenge.ts';
import { parseJson } from './json.ts';

/** A registry's refusal, by the error codes of the distribution specification. Does not leave this folder: see `explain`. */
export class RegistryRefusal extends Error {
  override readonly name = 'RegistryRefusal';
  readonly status: number;
  /** "MANIFEST_UNKNOWN", "DENIED" … */
  readonly code: string;
  readonly detail: string;

  constructor(status: number, code: string, detail: string) {
    super(`${code.toLowerCase().replaceAll('_', ' ')}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
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
  const said = firstError(body);
  return new RegistryRefusal(status, said?.code ?? code, (said?.detail || detail).slice(0, MAX_DETAIL));
}

function textsOf(status: number): readonly [string, string] {
  return defaults[status] ?? ['UNKNOWN', `unexpected status ${status}`];
}

function firstError(body: Uint8Array): { code: string; detail: string } | undefined {
  const value = parseJson(body);
  const errors = isJsonObject(value) ? value['errors'] : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (!isJsonObject(first) || typeof first['code'] !== 'string') return undefined;
  const { code, message } = first;
  return { code: code.slice(0, MAX_DETAIL), detail: typeof message === 'string' ? message : '' };
}

/** A failure as the rest of the program sees it, in Docker's words. */
export function explain(error: unknown, reference: Reference): unknown {
  if (error instanceof Transient) return explain(error.failure, reference);
  if (error instanceof Unreachable) return internal(error.message, { cause: error.cause });
  if (!(error instanceof RegistryRefusal)) return error;
  const name = familiarRepository(reference);
  if (error.code === 'DENIED') {
    return notFound(
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ${error.message}`,
    );
  }
  if (error.code === 'MANIFEST_UNKNOWN') {
    return notFound(`manifest for ${familiarReference(reference)} not found: ${error.message}`);
  }
  if (error.code === 'NAME_UNKNOWN') return notFound(`repository ${name} not found: ${error.message}`);
  // Docker answers with 500 here; a 401 would make its command line ask for a password.
  return internal(error.message);
}

export function lossOf(what: string): SampanError {
  return new SampanError('data-loss', what);
}
