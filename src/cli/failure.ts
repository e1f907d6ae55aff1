import { messageOf } from '../base/errors.ts';
import { ApiError, ConnectionError } from '../client/errors.ts';

/** What a failure is called on standard error, in the words that Docker's commands use. */
export function messageOfFailure(reason: unknown, host: string): string {
  if (reason instanceof ApiError) return `Error response from daemon: ${reason.message}`;
  if (reason instanceof ConnectionError) {
    if (reason.code === 'EACCES') {
      return `permission denied while trying to connect to the Docker daemon socket at ${reason.host}`;
    }
    return `Cannot connect to the Docker daemon at ${reason.host}. Is the docker daemon running?`;
  }
  if (reason instanceof Error && reason.name === 'ProtocolError') {
    return `error during connect: ${host}: ${reason.message}`;
  }
  return messageOf(reason);
}
