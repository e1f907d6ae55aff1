import { DockerfileError } from './errors.ts';
import { suggestion } from './suggestion.ts';

/** What a flag takes. `list` may be given again and again. */
export type FlagKind = 'text' | 'list' | 'boolean';

export interface Flags {
  text(name: string): string;
  list(name: string): readonly string[];
  boolean(name: string): boolean | undefined;
}

/** Cuts the flags off the front of an instruction's rest; what follows them is returned. */
export function splitFlags(rest: string): { readonly words: string[]; readonly rest: string } {
  const words: string[] = [];
  let left = rest.trimStart();
  while (left.startsWith('--')) {
    const { word, after } = firstWord(left);
    left = after.trimStart();
    if (word === '--') break;
    words.push(word);
  }
  return { words, rest: left };
}

/** Up to the first blank outside quotes; quotes and escapes are resolved, for a flag's value may hold blanks. */
function firstWord(text: string): { readonly word: string; readonly after: string } {
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (char === '\\' && quote !== "'" && index + 1 < text.length) word += text[++index];
    else if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (quote === '' && /\s/.test(char)) return { word, after: text.slice(index) };
    else word += char;
  }
  return { word, after: '' };
}

/** Reads flags that an instruction knows. Fails with DockerfileError in Docker's words. */
export function readFlags(words: readonly string[], known: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, string[]>();
  for (const word of words) {
    const [, name = '', value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const kind = known[name];
    if (kind === undefined)
      throw new DockerfileError(`unknown flag: --${name}${suggestion(name, Object.keys(known))}`);
    if (kind !== 'list' && values.has(name)) {
      throw new DockerfileError(`duplicate flag specified: --${name}`);
    }
    values.set(name, [...(values.get(name) ?? []), checked(name, kind, value)]);
  }
  return {
    text: (name) => values.get(name)?.[0] ?? '',
    list: (name) => values.get(name) ?? [],
    boolean: (name) => (values.has(name) ? values.get(name)?.[0] === 'true' : undefined),
  };
}

function checked(name: string, kind: FlagKind, value: string | undefined): string {
  if (kind !== 'boolean') {
    if (value === undefined) throw new DockerfileError(`missing a value on flag: --${name}`);
    return value;
  }
  const text = (value ?? 'true').toLowerCase();
  if (text === 'true' || text === 'false') return text;
  throw new DockerfileError(`expecting boolean value for flag --${name}, not: ${value}`);
}
