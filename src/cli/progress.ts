import { jsonValues } from '../client/json-stream.ts';
import type { ProgressMessage } from '../wire/messages.ts';
import { humanSize } from '../wire/sizes.ts';
import type { Io } from './io.ts';

type Progress = NonNullable<ProgressMessage['progressDetail']>;

export interface ProgressOutput {
  readonly print: (text: string) => void;
  /** Columns where the output is a terminal; its lines are then redrawn. */
  readonly columns: number | undefined;
}

export function progressOutput(io: Io, target: 'out' | 'err' | 'none'): ProgressOutput {
  if (target === 'none') return { print: () => {}, columns: undefined };
  const columns = io.terminalSize()?.columns;
  return { print: (text) => (target === 'out' ? io.out(text) : io.err(text)), columns };
}

/** Shows a stream of progress messages. Throws an Error with the daemon's words where the stream reports one. */
export async function showProgress(body: AsyncIterable<Uint8Array>, output: ProgressOutput): Promise<void> {
  const { print, columns } = output;
  let lines = new Map<string, number>();
  for await (const message of jsonValues<ProgressMessage>(body)) {
    if (message.aux !== undefined && message.aux !== null) continue;
    const { id = '' } = message;
    let up = 0;
    if (id !== '' && (message.progressDetail !== undefined || message.progress)) {
      let line = lines.get(id);
      if (line === undefined) {
        line = lines.size;
        lines.set(id, line);
        if (columns !== undefined) print('\n');
      }
      up = lines.size - line;
      if (columns !== undefined) print(`\x1b[${up}A`);
    } else lines = new Map();
    showMessage(message, output);
    if (id !== '' && columns !== undefined) print(`\x1b[${up}B`);
  }
}

function showMessage(message: ProgressMessage, { print, columns }: ProgressOutput): void {
  const failure =
    message.errorDetail ?? (message.error === undefined ? undefined : { message: message.error });
  if (failure !== undefined) {
    if ('code' in failure && failure.code === 401) throw new Error('authentication is required');
    throw new Error(failure.message);
  }
  const { status = '', stream = '', id = '', progressDetail } = message;
  const bar = progressDetail === undefined ? '' : progressBar(progressDetail, columns ?? 80);
  const isRedrawn = columns !== undefined && stream === '' && progressDetail !== undefined;
  if (!isRedrawn && bar !== '') return;
  const end = isRedrawn ? '\r' : '';
  const prefix = `${isRedrawn ? '\x1b[2K\r' : ''}${id === '' ? '' : `${id}: `}`;
  if (progressDetail !== undefined && columns !== undefined) print(`${prefix}${status} ${bar}${end}`);
  else if (stream !== '') print(`${prefix}${stream}${end}`);
  else print(`${prefix}${status}${end}\n`);
}

const BAR_WIDTH = 50;

function progressBar({ current = 0, total = 0 }: Progress, columns: number): string {
  if (current <= 0 && total <= 0) return '';
  const done = humanSize(current).padStart(8);
  if (total <= 0) return done;
  const filled = Math.min(Math.trunc(Math.trunc((current / total) * 100) / 2), BAR_WIDTH);
  const bar = columns > 110 ? `[${'='.repeat(filled)}>${' '.repeat(BAR_WIDTH - filled)}] ` : '';
  return bar + (current > total ? done : `${done}/${humanSize(total)}`);
}
