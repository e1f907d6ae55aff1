/** All that a command line may do to its surroundings; tests give their own. */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** For streams: resolves when the bytes are written, so that a slow reader slows the sender. */
  outBytes(bytes: Uint8Array): Promise<void>;
  errBytes(bytes: Uint8Array): Promise<void>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  /** Rows and columns of the terminal that standard output (or error) goes to; undefined when it goes elsewhere. */
  terminalSize(target?: 'out' | 'err'): { readonly rows: number; readonly columns: number } | undefined;
  /** Keys reach the program one by one and unseen. Returns how to end that; ending twice is harmless. */
  rawMode(): () => void;
  /** Standard input as it comes. Ending the iteration stops reading. */
  stdin(): AsyncIterable<Uint8Array>;
  /** Calls `handler` for each of the signals; returns how to stop. */
  onSignals(names: readonly NodeJS.Signals[], handler: (name: NodeJS.Signals) => void): () => void;
}
