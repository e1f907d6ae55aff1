import { DockerfileError } from './errors.ts';
import { matchFrom, matchToEnd, parsePattern } from './glob.ts';

/** A variable's value, or undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface ExpansionOptions {
  /** The Dockerfile's escape character: a backslash or a backtick. */
  readonly escape: string;
  readonly lookup: Lookup;
  /** Told of names that were asked for and not set. */
  readonly onUnset?: (name: string) => void;
  /** Quotes and escapes stay. */
  readonly raw?: boolean;
}

const MAX_RESULT = 1 << 20;

/** Expands the variables of a text and removes its quotes. Fails with DockerfileError in the words of a POSIX shell. */
export function expand(text: string, options: ExpansionOptions): string {
  return process(text, options).text;
}

/** The same, split at blanks that are neither quoted nor escaped; blanks of variables' values split too. */
export function expandToWords(text: string, options: ExpansionOptions): string[] {
  return process(text, options).words;
}

function process(
  text: string,
  options: ExpansionOptions,
): { readonly text: string; readonly words: string[] } {
  try {
    return new Expansion(text, options).run();
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`failed to process ${JSON.stringify(text)}: ${error.message}`);
  }
}

function patternOf(text: string): ReturnType<typeof parsePattern> {
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`invalid pattern (${text}) in substitution: ${error.message}`);
  }
}

class Words {
  readonly done: string[] = [];
  #word = '';
  #inWord = false;

  /** Characters that split words where they are blanks. */
  add(text: string): void {
    for (const char of text) {
      if (char === ' ' || char === '\t' || char === '\n' || char === '\r') this.end();
      else this.addWhole(char);
    }
  }

  /** Characters that stay together: even nothing at all is a word. */
  addWhole(text: string): void {
    this.#word += text;
    this.#inWord = true;
  }

  end(): void {
    if (this.#inWord) this.done.push(this.#word);
    this.#word = '';
    this.#inWord = false;
  }
}

class Expansion {
  readonly #chars: readonly string[];
  readonly #options: ExpansionOptions;
  readonly #words = new Words();
  #position = 0;

  constructor(text: string, options: ExpansionOptions) {
    this.#chars = [...text];
    this.#options = options;
  }

  run(): { readonly text: string; readonly words: string[] } {
    const text = this.#until(undefined, false);
    this.#words.end();
    return { text, words: this.#words.done };
  }

  #peek(): string | undefined {
    return this.#chars[this.#position];
  }

  #next(): string | undefined {
    return this.#chars[this.#position++];
  }

  #limited(text: string): string {
    if (text.length > MAX_RESULT) throw new DockerfileError(`a value has more than ${MAX_RESULT} characters`);
    return text;
  }

  /** Text up to a character, or to the end where there is none to stop at. */
  #until(stop: string | undefined, keepEscapes: boolean): string {
    const collects = stop === undefined;
    let result = '';
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === stop) {
        this.#position++;
        return result;
      }
      if (char === "'") result += this.#quoted(collects, () => this.#singleQuoted());
      else if (char === '"') result += this.#quoted(collects, () => this.#doubleQuoted());
      else if (char === '$') result += this.#plain(collects, this.#dollar());
      else result += this.#character(collects, keepEscapes);
      this.#limited(result);
    }
    if (stop === '}') throw new DockerfileError("syntax error: missing '}'");
    if (stop !== undefined) throw new DockerfileError(`syntax error: missing '${stop}' in \${}`);
    return result;
  }

  #plain(collects: boolean, text: string): string {
    if (collects) this.#words.add(text);
    return text;
  }

  #quoted(collects: boolean, read: () => string): string {
    const text = read();
    if (collects) this.#words.addWhole(text);
    return text;
  }

  #character(collects: boolean, keepEscapes: boolean): string {
    const char = this.#next() ?? '';
    if (char !== this.#options.escape) return this.#plain(collects, char);
    const kept = keepEscapes || this.#options.raw === true ? char : '';
    const escaped = this.#next();
    if (escaped === undefined) return this.#quoted(collects, () => kept);
    return this.#quoted(collects, () => kept + escaped);
  }

  #singleQuoted(): string {
    const end = this.#chars.indexOf("'", this.#position + 1);
    if (end < 0) {
      throw new DockerfileError('unexpected end of statement while looking for matching single-quote');
    }
    const text = this.#chars.slice(this.#position + 1, end).join('');
    this.#position = end + 1;
    return this.#options.raw ? `'${text}'` : text;
  }

  #doubleQuoted(): string {
    const { raw, escape: token } = this.#options;
    let result = raw ? '"' : '';
    this.#position++;
    for (;;) {
      const char = this.#peek();
      if (char === undefined) {
        throw new DockerfileError('unexpected end of statement while looking for matching double-quote');
      }
      if (char === '$') {
        result = this.#limited(result + this.#dollar());
        continue;
      }
      this.#position++;
      if (char === '"') return raw ? `${result}"` : result;
      if (char === token) {
        const escaped = this.#next() ?? '';
        const isSpecial = escaped === '"' || escaped === '$' || escaped === token;
        result += isSpecial && !raw ? escaped : `${char}${escaped}`;
      } else {
        result += char;
      }
    }
  }

  #dollar(): string {
    this.#position++;
    if (this.#peek() === '{') {
      this.#position++;
      return this.#braces();
    }
    const name = this.#name();
    return name === '' ? '$' : this.#value(name);
  }

  #value(name: string): string {
    const value = this.#options.lookup(name);
    if (value === undefined) this.#options.onUnset?.(name);
    return value ?? '';
  }

  #name(): string {
    const rest = this.#chars.slice(this.#position, this.#position + 256).join('');
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|\d+|[@*#?\-$!])/.exec(rest)?.[0] ?? '';
    this.#position += name.length;
    return name;
  }

  #braces(): string {
    const name = this.#name();
    if (name === '') throw new DockerfileError('syntax error: bad substitution');
    const modifier = this.#next();
    switch (modifier) {
      case '}':
        return this.#value(name);
      case ':':
        return this.#conditional(name, this.#next() ?? '', true);
      case '-':
      case '+':
      case '?':
        return this.#conditional(name, modifier, false);
      case '#':
      case '%':
        return this.#trimmed(name, modifier);
      case '/':
        return this.#replaced(name);
      case undefined:
        throw new DockerfileError("syntax error: missing '}'");
      default:
        throw new DockerfileError(`unsupported modifier (${modifier}) in substitution`);
    }
  }

  /** `${v:-w}`, `${v:+w}`, `${v:?w}`, and without a colon: then an empty value is a value. */
  #conditional(name: string, modifier: string, emptyIsUnset: boolean): string {
    if (!['-', '+', '?'].includes(modifier)) {
      throw new DockerfileError(`unsupported modifier (:${modifier}) in substitution`);
    }
    const word = this.#until('}', false);
    const value = this.#options.lookup(name);
    if (value === undefined) this.#options.onUnset?.(name);
    const isSet = value !== undefined && !(emptyIsUnset && value === '');
    if (modifier === '-') return isSet ? value : word;
    if (modifier === '+') return isSet ? word : '';
    if (isSet) return value;
    const fault = emptyIsUnset ? 'is not allowed to be empty' : 'is not allowed to be unset';
    throw new DockerfileError(`${name}: ${word || fault}`);
  }

  /** `${v#p}` and `${v%p}` cut as little as they can, doubled as much. */
  #trimmed(name: string, modifier: string): string {
    const isGreedy = this.#peek() === modifier;
    if (isGreedy) this.#position++;
    const pattern = patternOf(this.#until('}', true));
    const value = [...this.#value(name)];
    const match = modifier === '#' ? matchFrom(pattern, value, 0) : matchToEnd(pattern, value);
    const cut = match === undefined ? 0 : isGreedy ? match.most : match.least;
    return (modifier === '#' ? value.slice(cut) : value.slice(0, value.length - cut)).join('');
  }

  /** `${v/p/r}` replaces the first match, `${v//p/r}` all; each is the longest at its place. */
  #replaced(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#position++;
    const pattern = patternOf(this.#until('/', true).replaceAll('\\/', '/'));
    const replacement = this.#until('}', true).replace(/\\([/}])/g, '$1');
    const value = [...this.#value(name)];
    let result = '';
    let position = 0;
    for (let isDone = pattern.length === 0; position < value.length && !isDone; ) {
      const length = matchFrom(pattern, value, position)?.most ?? 0;
      result = this.#limited(result + (length > 0 ? replacement : value[position]));
      position += Math.max(length, 1);
      isDone = length > 0 && !all;
    }
    return result + value.slice(position).join('');
  }
}
