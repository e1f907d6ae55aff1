/** A kind of flag value: how its text is read, and how help pages name it. */
export interface FlagType<T> {
  /** `string`, `list` …; empty for switches. */
  readonly label: string;
  /** The value when the flag is not given. */
  initial(): T;
  /** Reads one occurrence. Throws an Error whose message says what is wrong with the text. */
  parse(text: string, current: T): T;
  /** The value of the flag given without one. */
  readonly bare?: string;
  /** Shown on help pages when it is not the type's zero value. */
  readonly defaultText?: string;
}

export interface Flag<T> {
  readonly type: FlagType<T>;
  readonly usage: string;
  readonly short?: string;
  /** Works, but help pages do not show it. */
  readonly hidden?: boolean;
  /** Works, with a warning that ends in this text. */
  readonly deprecated?: string;
  /** The letter works, with a warning to use the name. */
  readonly shortDeprecated?: boolean;
  /** Known, but refused: no daemon on Linux has it. */
  readonly windowsOnly?: boolean;
  /** Another spelling of that flag, whose value it sets. */
  readonly sameAs?: string;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values by flag name. */
export type OptionsOf<F extends FlagTable> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

/** How many positional arguments a command takes. */
export type ArgumentRule =
  | { readonly exactly: number }
  | { readonly atLeast: number; readonly atMost?: number }
  | { readonly atMost: number };

type Extras = Omit<Flag<unknown>, 'type' | 'usage' | 'short'>;

/** A flag: its type, its one-letter name (or empty) and what it does. */
export function flag<T>(type: FlagType<T>, short: string, usage: string, extras: Extras = {}): Flag<T> {
  return { type, usage, ...(short === '' ? {} : { short }), ...extras };
}
