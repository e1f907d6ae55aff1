import { DockerfileError } from './errors.ts';

/** Splits at blanks, without regard to quotes. */
export function splitBlanks(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Splits at blanks outside quotes; quotes and escapes stay in the words. */
export function splitQuoted(text: string, token: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
    } else if (char === token && quote !== "'") {
      word += char + (text[++index] ?? '');
    } else {
      if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      word += char;
    }
  }
  return word === '' ? words : [...words, word];
}

/** The words of a JSON list; undefined for what is no JSON list. Fails with DockerfileError on a list of anything but texts. */
export function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((word) => typeof word === 'string')) {
    throw new DockerfileError(
      'when using JSON array syntax, arrays must be comprised of strings only',
      undefined,
      'syntax',
    );
  }
  return value;
}
