import type { ArgumentRule, FlagTable, OptionsOf } from './flag.ts';
import type { Session } from './session.ts';

/** One run of a command. */
export interface Invocation<F extends FlagTable> {
  readonly options: OptionsOf<F>;
  readonly args: readonly string[];
  /** Whether a flag was given, under any of its names. */
  changed(name: keyof F & string): boolean;
  /** The flags that were given, as they were spelled. */
  readonly spelled: ReadonlySet<string>;
  readonly session: Session;
  /** As it was called, with the program's name: `docker ps`. */
  readonly commandPath: string;
}

export interface Command<F extends FlagTable = FlagTable> {
  readonly flags: F;
  readonly args: ArgumentRule;
  /** false: what follows the first positional argument belongs to another program. */
  readonly interspersed?: boolean;
  /** More than the one line of the list of commands, where a help page says more. */
  readonly long?: (programName: string) => string;
  /** Resolves with the exit status; 0 when it resolves with nothing. Throws CommandError or any Error, which exits with 1. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands only succeed or throw
  run(invocation: Invocation<F>): Promise<number | void>;
}

/** A command with its flags' types worked out. */
export function defineCommand<const F extends FlagTable>(command: Command<F>): Command<F> {
  return command;
}

/** A line of the catalog: what help pages and completion must know without loading the command. */
export interface CatalogEntry {
  /** Without the program's name: `container ls`. */
  readonly path: string;
  /** Other names in the same group. */
  readonly aliases?: readonly string[];
  /** The same command at the top: `ps`. */
  readonly shortcut?: string;
  /** What follows the name; `{program}` stands for the program's name on further lines. */
  readonly usage: string;
  readonly short: string;
  /** Place among the common commands of the first help page. */
  readonly common?: number;
  readonly hidden?: boolean;
  load(): Promise<{ readonly command: Command }>;
}

export interface GroupEntry {
  readonly name: string;
  readonly short: string;
  readonly hidden?: boolean;
  /** The whole text of its help page, where it is more than `short`. */
  readonly long?: (programName: string) => string;
}

/** A command's whole usage, as it was called. */
export function usageLine(programName: string, commandPath: string, usage: string): string {
  return usage === '' ? commandPath : `${commandPath} ${usage.replaceAll('{program}', programName)}`;
}
