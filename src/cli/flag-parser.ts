import { messageOf } from '../base/errors.ts';
import type { FlagTable } from './flag.ts';

/** The command line is not what the flags allow. The message has pflag's words. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

export interface ParsedFlags {
  readonly values: Readonly<Record<string, unknown>>;
  /** The flags that were given, as they were spelled. */
  readonly spelled: ReadonlySet<string>;
  /** Positional arguments. */
  readonly args: readonly string[];
  /** Lines about deprecated flags. */
  readonly warnings: readonly string[];
}

export interface ParseOptions {
  /** Flags are recognised after positional arguments too. */
  readonly interspersed: boolean;
}

/** Reads arguments as pflag does: `--name=value`, `--name value`, `-n value`, `-nvalue`, `-n=value`, `-abc`, `--`. */
export function parseFlags(table: FlagTable, args: readonly string[], options: ParseOptions): ParsedFlags {
  return new Parser(table, args, options).parse();
}

class Parser {
  readonly #table: FlagTable;
  readonly #rest: string[];
  readonly #interspersed: boolean;
  readonly #shorts: ReadonlyMap<string, string>;
  readonly #values: Record<string, unknown> = {};
  readonly #spelled = new Set<string>();
  readonly #positional: string[] = [];
  readonly #warnings: string[] = [];

  constructor(table: FlagTable, args: readonly string[], options: ParseOptions) {
    this.#table = table;
    this.#rest = [...args];
    this.#interspersed = options.interspersed;
    const shorts = new Map<string, string>();
    for (const [name, { short, type }] of Object.entries(table)) {
      this.#values[name] = type.initial();
      if (short !== undefined) shorts.set(short, name);
    }
    this.#shorts = shorts;
  }

  parse(): ParsedFlags {
    for (let arg = this.#rest.shift(); arg !== undefined; arg = this.#rest.shift()) {
      if (!arg.startsWith('-') || arg === '-') {
        this.#positional.push(arg);
        if (!this.#interspersed) break;
      } else if (arg === '--') break;
      else if (arg.startsWith('--')) this.#long(arg);
      else this.#shorthands(arg);
    }
    this.#positional.push(...this.#rest);
    return {
      values: this.#values,
      spelled: this.#spelled,
      args: this.#positional,
      warnings: this.#warnings,
    };
  }

  #long(arg: string): void {
    const text = arg.slice(2);
    if (text.startsWith('-') || text.startsWith('=')) throw new FlagError(`bad flag syntax: ${arg}`);
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const entry = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (entry === undefined) throw new FlagError(`unknown flag: --${name}`);
    const value = equals >= 0 ? text.slice(equals + 1) : (entry.type.bare ?? this.#rest.shift());
    if (value === undefined) throw new FlagError(`flag needs an argument: --${name}`);
    this.#set(name, value);
  }

  /** `-abc`: switches up to the first flag that takes a value, which is the rest or the next argument. */
  #shorthands(arg: string): void {
    const letters = arg.slice(1);
    for (let at = 0; at < letters.length; at++) {
      const letter = letters[at] ?? '';
      const rest = letters.slice(at + 1);
      const name = this.#shorts.get(letter);
      if (name === undefined) {
        throw new FlagError(`unknown shorthand flag: '${letter}' in -${letters.slice(at)}`);
      }
      if (this.#table[name]?.shortDeprecated) {
        this.#warnings.push(`Flag shorthand -${letter} has been deprecated, use --${name}`);
      }
      const bare = this.#table[name]?.type.bare;
      if (bare !== undefined && !/^=./.test(rest)) {
        this.#set(name, bare);
        continue;
      }
      const value = rest === '' ? this.#rest.shift() : rest.replace(/^=(?=.)/, '');
      if (value === undefined) {
        throw new FlagError(`flag needs an argument: '${letter}' in -${letters.slice(at)}`);
      }
      this.#set(name, value);
      return;
    }
  }

  #set(name: string, text: string): void {
    const entry = this.#table[name];
    if (entry === undefined) return;
    const target = entry.sameAs ?? name;
    try {
      this.#values[target] = entry.type.parse(text, this.#values[target]);
    } catch (reason) {
      const spelling =
        entry.short === undefined || entry.shortDeprecated ? `--${name}` : `-${entry.short}, --${name}`;
      const why = messageOf(reason);
      throw new FlagError(`invalid argument ${JSON.stringify(text)} for "${spelling}" flag: ${why}`);
    }
    this.#spelled.add(name);
    if (entry.deprecated !== undefined) {
      this.#warnings.push(`Flag --${name} has been deprecated, ${entry.deprecated}`);
    }
  }
}
