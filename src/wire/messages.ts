import { any, int64, nullable, optional, string, struct, type TypeOf } from './schema.ts';

/** Every error's body. */
export const ErrorResponse = struct('ErrorResponse', { message: string });
export type ErrorResponse = TypeOf<typeof ErrorResponse>;

export const IdResponse = struct('IDResponse', { Id: string });
export type IdResponse = TypeOf<typeof IdResponse>;

const ProgressDetail = struct('JSONProgress', {
  current: optional(int64),
  total: optional(int64),
  start: optional(int64),
  hidecounts: optional(any),
  units: optional(string),
});

const MessageError = struct('JSONError', { code: optional(int64), message: string });

/** One line of a progress stream: pull, push, load, import, build. */
export const ProgressMessage = struct('JSONMessage', {
  stream: optional(string),
  status: optional(string),
  progressDetail: optional(ProgressDetail),
  progress: optional(string),
  id: optional(string),
  errorDetail: optional(MessageError),
  error: optional(string),
  aux: optional(nullable(any)),
});
export type ProgressMessage = TypeOf<typeof ProgressMessage>;
