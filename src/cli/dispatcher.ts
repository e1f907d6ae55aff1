import { catalog, findCommand, findGroup, groups } from './catalog.ts';
import { type CatalogEntry, type Command, usageLine } from './command.ts';
import { CommandError } from './command-error.ts';
import type { FlagTable, OptionsOf } from './flag.ts';
import { FlagError, type ParsedFlags, parseFlags } from './flag-parser.ts';
import { bool } from './flag-types.ts';
import { globalFlags } from './global-flags.ts';
import type { Io } from './io.ts';
import { type CommandLineOptions, Session } from './session.ts';
import { versionLine } from './version-line.ts';

const logLevels = ['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace'];

/** Finds the command of a command line, reads its flags and runs it. */
export class Dispatcher {
  session: Session | undefined;
  readonly #io: Io;
  readonly #options: CommandLineOptions;
  readonly #programName: string;

  constructor(io: Io, options: CommandLineOptions) {
    this.#io = io;
    this.#options = options;
    this.#programName = options.programName ?? 'sampan';
  }

  get host(): string {
    return this.session?.address.host ?? '';
  }

  async run(argv: readonly string[]): Promise<number> {
    const root = this.#parseRoot(argv);
    const globals = root.values as OptionsOf<typeof globalFlags>;
    if (globals.version) return this.#printVersion();
    if (!logLevels.includes(globals['log-level'])) {
      throw new CommandError(`Unable to parse logging level: ${globals['log-level']}`);
    }
    if (globals.help && root.args.length === 0) return this.#printRootHelp((text) => this.#io.out(text));
    const [word, ...rest] = root.args;
    if (word === undefined) return this.#printRootHelp((text) => this.#io.err(text));
    if (word === 'help') return this.#help(rest);
    if (globals.help) return this.#printRootHelp((text) => this.#io.out(text));
    this.session = new Session(this.#io, this.#options, globals);
    return this.#dispatch(word, rest);
  }

  async #dispatch(word: string, rest: readonly string[]): Promise<number> {
    const entry = findCommand([word]);
    if (entry !== undefined) return this.#runEntry(entry, word, rest);
    const group = findGroup(word);
    if (group === undefined) {
      const name = this.#programName;
      throw new CommandError(
        `${name}: unknown command: ${name} ${word}\n\nRun '${name} --help' for more information`,
      );
    }
    const commandPath = `${this.#programName} ${word}`;
    const parsed = this.#parse(commandPath, '', helpOnly, rest, false);
    const [second, ...others] = parsed.args;
    if (second === undefined || parsed.values.help) return this.#printGroupHelp(word);
    const inner = findCommand([word, second]);
    if (inner !== undefined) return this.#runEntry(inner, `${word} ${second}`, others);
    throw new CommandError(
      `${this.#programName}: unknown command: ${commandPath} ${second}\n\nUsage:  ${commandPath}\n\nRun '${commandPath} --help' for more information`,
    );
  }

  async #runEntry(entry: CatalogEntry, words: string, rest: readonly string[]): Promise<number> {
    const { command } = await entry.load();
    const session = this.session;
    if (session === undefined) throw new Error('a command ran without its session');
    const canonical = canonicalName(entry, words);
    const commandPath = `${this.#programName} ${canonical}`;
    const flags: FlagTable =
      'help' in command.flags ? command.flags : { ...command.flags, ...helpOf(command) };
    const parsed = this.#parse(commandPath, entry.usage, flags, rest, command.interspersed ?? true);
    if (parsed.values.help) return this.#printCommandHelp(entry, command, commandPath);
    refuseForeign(flags, parsed);
    const usage = usageLine(this.#programName, commandPath, entry.usage);
    checkArguments(command, parsed.args.length, this.#programName, commandPath, usage);
    const status = await command.run({
      options: parsed.values as OptionsOf<FlagTable>,
      args: parsed.args,
      changed: (name) => [...parsed.spelled].some((one) => one === name || flags[one]?.sameAs === name),
      spelled: parsed.spelled,
      session,
      commandPath,
    });
    return status ?? 0;
  }

  #parseRoot(argv: readonly string[]): ParsedFlags {
    return this.#parse(this.#programName, '[OPTIONS] COMMAND [ARG...]', globalFlags, argv, false);
  }

  #parse(
    commandPath: string,
    usage: string,
    flags: FlagTable,
    args: readonly string[],
    interspersed: boolean,
  ): ParsedFlags {
    try {
      const parsed = parseFlags(flags, args, { interspersed });
      for (const warning of parsed.warnings) this.#io.out(`${warning}\n`);
      return parsed;
    } catch (reason) {
      if (!(reason instanceof FlagError)) throw reason;
      const line = usageLine(this.#programName, commandPath, usage);
      throw new CommandError(
        `${reason.message}\n\nUsage:  ${line}\n\nRun '${commandPath} --help' for more information`,
        125,
      );
    }
  }

  #printVersion(): number {
    this.#io.out(versionLine(this.#options));
    return 0;
  }

  async #help(words: readonly string[]): Promise<number> {
    const [first, second, ...more] = words;
    if (first === undefined) return this.#printRootHelp((text) => this.#io.out(text));
    const entry = findCommand(second === undefined ? [first] : [first, second]);
    if (entry !== undefined && more.length === 0) {
      const { command } = await entry.load();
      return this.#printCommandHelp(
        entry,
        command,
        `${this.#programName} ${canonicalName(entry, words.join(' '))}`,
      );
    }
    if (second === undefined && findGroup(first) !== undefined) return this.#printGroupHelp(first);
    throw new CommandError(`unknown help topic: ${words.join(' ')}`);
  }

  async #printRootHelp(print: (text: string) => void): Promise<number> {
    const { rootHelp } = await import('./help.ts');
    const programName = this.#programName;
    print(rootHelp({ programName, groups, entries: catalog, flags: globalFlags, width: this.#width() }));
    return 0;
  }

  async #printGroupHelp(name: string): Promise<number> {
    const { groupHelp } = await import('./help.ts');
    const group = findGroup(name);
    if (group !== undefined) this.#io.out(groupHelp(this.#programName, group, catalog));
    return 0;
  }

  async #printCommandHelp(entry: CatalogEntry, command: Command, commandPath: string): Promise<number> {
    const { commandHelp } = await import('./help.ts');
    const programName = this.#programName;
    this.#io.out(commandHelp({ programName, commandPath, entry, command, width: this.#width() }));
    return 0;
  }

  #width(): number {
    return this.#io.terminalSize()?.columns || 80;
  }
}

const helpFlag = { type: bool(), usage: 'Print usage', hidden: true };
const helpOnly: FlagTable = { help: { ...helpFlag, short: 'h', shortDeprecated: true } };

/** `-h` asks for help too, unless the command uses the letter. */
function helpOf(command: Command): FlagTable {
  const taken = Object.values(command.flags).some(({ short }) => short === 'h');
  return taken ? { help: helpFlag } : helpOnly;
}

/** Flags that only daemons on other systems know. */
function refuseForeign(flags: FlagTable, { spelled }: ParsedFlags): void {
  const foreign = [...spelled].filter((name) => flags[name]?.windowsOnly).sort();
  if (foreign.length === 0) return;
  throw new CommandError(
    foreign
      .map(
        (name) =>
          `"--${name}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`,
      )
      .join('\n'),
  );
}

/** Aliases are called by their command's own name in messages, shortcuts by theirs. */
function canonicalName(entry: CatalogEntry, words: string): string {
  return words === entry.shortcut ? words : entry.path;
}

function checkArguments(
  command: Command,
  count: number,
  programName: string,
  commandPath: string,
  usage: string,
): void {
  const { args } = command;
  const exactly = 'exactly' in args ? args.exactly : undefined;
  const atLeast = exactly ?? ('atLeast' in args ? args.atLeast : 0);
  const atMost =
    exactly ?? ('atMost' in args ? (args.atMost ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY);
  if (count >= atLeast && count <= atMost) return;
  const plural = (number: number): string => (number === 1 ? 'argument' : 'arguments');
  let problem: string;
  if (atMost === 0) problem = 'accepts no arguments';
  else if (exactly !== undefined) problem = `requires ${exactly} ${plural(exactly)}`;
  else if (atMost === Number.POSITIVE_INFINITY) problem = `requires at least ${atLeast} ${plural(atLeast)}`;
  else if (atLeast === 0) problem = `requires at most ${atMost} ${plural(atMost)}`;
  else problem = `requires at least ${atLeast} and at most ${atMost} ${plural(atMost)}`;
  const verb = exactly === undefined && atMost === Number.POSITIVE_INFINITY ? 'See' : 'Run';
  throw new CommandError(
    `${programName}: '${commandPath}' ${problem}\n\nUsage:  ${usage}\n\n${verb} '${commandPath} --help' for more information`,
  );
}
