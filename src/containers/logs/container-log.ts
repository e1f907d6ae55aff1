import type { Context } from '../../base/context.ts';
import { conflict, invalid, SampanError } from '../../base/errors.ts';
import type { LogOptions } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { readLog } from './read-log.ts';

/** `docker logs`. Fails in Docker's words before the first byte, never after it. */
export function readContainerLog(
  parts: Parts,
  context: Context,
  { id, container, task }: Entry,
  options: LogOptions,
): AsyncIterable<Uint8Array> {
  if (!options.stdout && !options.stderr) throw invalid('You must choose at least one stream');
  if (['removing', 'dead'].includes(container.state.status)) {
    throw conflict('can not get logs from container which is dead or marked for removal');
  }
  if (container.hostConfig.LogConfig.Type === 'none') {
    throw new SampanError('unimplemented', 'configured logging driver does not support reading');
  }
  return readLog({
    ...options,
    path: parts.paths.log(id),
    raw: container.config.Tty,
    ended: task?.exited,
    signal: context.signal,
  });
}
