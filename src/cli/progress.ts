import { jsonValues } from '../client/json-stream.ts';
import type { ProgressMessage } from '../wire/messages.ts';
import { CommandError } from './command-error.ts';
import type { Io } from './io.ts';
import { isMoving } from './progress/bar.ts';
import { ProgressBoard } from './progress/board.ts';
import type { Screen } from './progress/live-lines.ts';

export interface ProgressOutput {
  readonly print: (text: string) => void;
  /** Where the output is a terminal: lines are then redrawn in place. */
  readonly screen: Screen | undefined;
  readonly onSignals: Io['onSignals'];
}

export function progressOutput(io: Io, target: 'out' | 'err' | 'none'): ProgressOutput {
  const onSignals = io.onSignals.bind(io);
  if (target === 'none') return { print: () => {}, screen: undefined, onSignals };
  const print = (text: string): void => (target === 'out' ? io.out(text) : io.err(text));
  const first = io.terminalSize(target);
  if (first === undefined) return { print, screen: undefined, onSignals };
  // A terminal that does not know its size says 0.
  const size = (): { rows: number; columns: number } => {
    const { rows, columns } = io.terminalSize(target) ?? first;
    return { rows: rows || 24, columns: columns || 80 };
  };
  return { print, screen: { print, size }, onSignals };
}

/** What a stream of messages says went wrong. */
export class StreamFailure extends Error {
  /** The daemon's number for it: in a build, the exit status of the command that failed. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/**
 * Shows a stream of progress messages; what they carry in `aux` goes to `onAux`. Throws StreamFailure with the daemon's words where the stream
 * reports one, and CommandError when a signal ends it.
 */
export async function showProgress(
  body: AsyncIterable<Uint8Array>,
  output: ProgressOutput,
  onAux: (aux: unknown) => void = () => {},
): Promise<void> {
  const { screen } = output;
  if (screen === undefined) return showLines(body, output.print, onAux);
  const board = new ProgressBoard(screen);
  await whileDrawing(board, output.onSignals, () => showOnBoard(body, board, output.print, onAux));
}

/** Something that is redrawn in place. */
interface Drawing {
  redraw(): void;
  /** Leaves the terminal to others for a while. */
  pause(): void;
  close(): void;
}

/** Follows what the terminal and its user do meanwhile. Throws CommandError when a signal ends it. */
export async function whileDrawing<T>(
  drawing: Drawing,
  onSignals: Io['onSignals'],
  work: () => Promise<T>,
): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  const stopListening = [
    onSignals(['SIGWINCH'], () => drawing.redraw()),
    // A shell that is back after Ctrl-Z wants its cursor too.
    onSignals(['SIGTSTP'], () => {
      drawing.pause();
      process.kill(process.pid, 'SIGSTOP');
    }),
    onSignals(['SIGCONT'], () => drawing.redraw()),
    onSignals(['SIGINT'], () => interrupted.reject(new CommandError('', 130))),
    onSignals(['SIGTERM'], () => interrupted.reject(new CommandError('', 143))),
    onSignals(['SIGHUP'], () => interrupted.reject(new CommandError('', 129))),
  ];
  try {
    return await Promise.race([work(), interrupted.promise]);
  } finally {
    for (const stop of stopListening) stop();
    drawing.close();
  }
}

async function showOnBoard(
  body: AsyncIterable<Uint8Array>,
  board: ProgressBoard,
  print: (text: string) => void,
  onAux: (aux: unknown) => void,
): Promise<void> {
  for await (const message of messagesOf(body, onAux)) {
    const { id = '', progressDetail, progress = '' } = message;
    if (id !== '' && (progressDetail !== undefined || progress !== '')) {
      board.update(message);
      continue;
    }
    // Lines of another operation follow, which must not be taken for those above.
    board.settle();
    print(lineOf(message));
  }
}

/** Where nothing can be redrawn, each change of state is a line, and how far it is in between is left out. */
async function showLines(
  body: AsyncIterable<Uint8Array>,
  print: (text: string) => void,
  onAux: (aux: unknown) => void,
): Promise<void> {
  for await (const message of messagesOf(body, onAux)) {
    if (!isMoving(message.progressDetail)) print(lineOf(message));
  }
}

async function* messagesOf(
  body: AsyncIterable<Uint8Array>,
  onAux: (aux: unknown) => void,
): AsyncGenerator<ProgressMessage> {
  for await (const message of jsonValues<ProgressMessage>(body)) {
    if (message.aux !== undefined && message.aux !== null) {
      onAux(message.aux);
      continue;
    }
    const failure =
      message.errorDetail ?? (message.error === undefined ? undefined : { message: message.error, code: 0 });
    if (failure !== undefined) throw new StreamFailure(failure.message, failure.code ?? 0);
    yield message;
  }
}

function lineOf({ id = '', status = '', stream = '', progress = '' }: ProgressMessage): string {
  const name = id === '' ? '' : `${id}: `;
  if (progress !== '') return `${name}${status} ${progress}`;
  return stream === '' ? `${name}${status}\n` : name + stream;
}
