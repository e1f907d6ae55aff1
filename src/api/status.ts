import { codeOf, type ErrorCode, messageOf } from '../base/errors.ts';
import type { ErrorResponse } from '../wire/messages.ts';
import { DecodeError } from '../wire/schema.ts';
import { HttpError } from './http/head.ts';

/** The one place where failure classes become HTTP statuses. */
const statusOfCode: Record<ErrorCode, number> = {
  'invalid-argument': 400,
  unauthenticated: 401,
  'permission-denied': 403,
  'not-found': 404,
  'not-modified': 304,
  conflict: 409,
  exhausted: 500,
  cancelled: 499,
  unimplemented: 501,
  unavailable: 503,
  'data-loss': 500,
  internal: 500,
};

export interface Failure {
  readonly status: number;
  readonly body: ErrorResponse;
}

/** What a client is told of any thrown value. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HttpError) return { status: error.status, body: { message: error.message } };
  if (error instanceof DecodeError) return { status: 400, body: { message: error.message } };
  return { status: statusOfCode[codeOf(error)], body: { message: messageOf(error) } };
}
