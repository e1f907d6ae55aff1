/**
 * The closed set of failure classes. `api` alone maps them to HTTP statuses; nothing else may look at a message.
 *
 * `not-modified` is not a fault: it says that the state asked for is already there (Docker's 304).
 */
export type ErrorCode =
  | 'invalid-argument'
  | 'unauthenticated'
  | 'permission-denied'
  | 'not-found'
  | 'not-modified'
  | 'conflict'
  | 'exhausted'
  | 'cancelled'
  | 'unimplemented'
  | 'unavailable'
  | 'data-loss'
  | 'internal';

export interface ErrorOptionsWithHint {
  readonly cause?: unknown;
  /** What the reader can do about it, as a full sentence. */
  readonly hint?: string;
}

/** The one error class that crosses folder boundaries. */
export class SampanError extends Error {
  override readonly name = 'SampanError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptionsWithHint = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

export function invalid(message: string, options?: ErrorOptionsWithHint): SampanError {
  return new SampanError('invalid-argument', message, options);
}

export function notFound(message: string, options?: ErrorOptionsWithHint): SampanError {
  return new SampanError('not-found', message, options);
}

export function conflict(message: string, options?: ErrorOptionsWithHint): SampanError {
  return new SampanError('conflict', message, options);
}

export function internal(message: string, options?: ErrorOptionsWithHint): SampanError {
  return new SampanError('internal', message, options);
}

/** The code of any thrown value; what is not a SampanError is a bug or an I/O failure, hence `internal`. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof SampanError) return error.code;
  if (error instanceof DOMException && error.name === 'AbortError') return 'cancelled';
  return 'internal';
}

export function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof SampanError && error.code === code;
}

/** The text to show for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
