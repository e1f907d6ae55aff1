import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Milliseconds after which a follower looks without having been told: a lost notice delays, it does not lose. */
const FALLBACK = 1000;

/** Says when it is worth looking at a log again. */
export interface LogWatch {
  /** Resolves after a change since the last call, at the end, at the deadline, or on abort. */
  next(): Promise<void>;
  close(): void;
}

export interface WatchRequest {
  readonly path: string;
  /** Settles when nothing more will be written. */
  readonly ended: Promise<unknown>;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch; undefined for none. */
  readonly deadline: number | undefined;
}

export function watchLog({ path, ended, signal, deadline }: WatchRequest): LogWatch {
  let changed = false;
  let wake = (): void => {};
  const notice = (): void => {
    changed = true;
    wake();
  };
  const watcher = watchDirectory(dirname(path), notice);
  const timer = setInterval(notice, FALLBACK);
  const alarm =
    deadline === undefined ? undefined : setTimeout(notice, Math.max(0, deadline - Date.now()) + 1);
  signal.addEventListener('abort', notice);
  ended.then(notice, notice);
  return {
    async next() {
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      changed = false;
    },
    close() {
      watcher?.close();
      clearInterval(timer);
      clearTimeout(alarm);
      signal.removeEventListener('abort', notice);
    },
  };
}

/** The directory, since the file itself is replaced when it is rotated. Undefined where the host has no watches left. */
function watchDirectory(path: string, notice: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, notice);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
