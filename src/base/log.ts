export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 };

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  with(fields: LogFields): Logger;
}

export interface LogLine {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger over a sink; lines below the level are dropped before their text is built. */
export function createLogger(
  level: () => LogLevel,
  sink: (line: LogLine) => void,
  fields: LogFields = {},
): Logger {
  const write = (at: LogLevel, message: string, own: LogFields = {}): void => {
    if (ranks[at] < ranks[level()]) return;
    sink({ time: new Date(), level: at, message, fields: { ...fields, ...own } });
  };
  return {
    debug: (message, own) => write('debug', message, own),
    info: (message, own) => write('info', message, own),
    warn: (message, own) => write('warn', message, own),
    error: (message, own) => write('error', message, own),
    with: (own) => createLogger(level, sink, { ...fields, ...own }),
  };
}

/** One line in logfmt, the form that dockerd's text log has. */
export function formatLogfmt(line: LogLine): string {
  const pairs = [
    `time=${quote(line.time.toISOString())}`,
    `level=${line.level === 'warn' ? 'warning' : line.level}`,
    `msg=${quote(line.message)}`,
    ...Object.entries(line.fields).map(([key, value]) => `${key}=${quote(text(value))}`),
  ];
  return `${pairs.join(' ')}\n`;
}

function text(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function quote(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}

export const silentLogger: Logger = createLogger(
  () => 'fatal',
  () => {},
);
