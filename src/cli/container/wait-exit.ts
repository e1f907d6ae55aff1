import { messageOf } from '../../base/errors.ts';
import type { ContainerWaitResponse } from '../../wire/container-types.ts';
import type { TypeOf } from '../../wire/schema.ts';
import type { Io } from '../io.ts';

/** The container's exit status; 125 with a line on standard error when it cannot be known. Never rejects. */
export async function exitOf(exited: Promise<TypeOf<typeof ContainerWaitResponse>>, io: Io): Promise<number> {
  try {
    const { Error: failure, StatusCode } = await exited;
    if (failure?.Message) {
      io.err(`Error waiting for container: ${failure.Message}\n`);
      return 125;
    }
    return StatusCode;
  } catch (reason) {
    io.err(`error waiting for container: ${messageOf(reason)}\n`);
    return 125;
  }
}
