import { errnoOf } from '../base/errno.ts';
/** The daemon answered, and refused: `status` is the HTTP status, `message` the daemon's own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** No daemon could be reached at `host`. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly host: string;
  /** errno name such as ENOENT, ECONNREFUSED or EACCES, where the system gave one. */
  readonly code: string | undefined;

  constructor(host: string, cause: unknown) {
    super(`cannot connect to ${host}`, { cause });
    this.host = host;
    this.code = errnoOf(cause);
  }
}

/** The connection broke, or what came over it is not HTTP. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
