import { DockerfileError } from './errors.ts';
import { expand, expandToWords } from './expansion.ts';

/** A document inside a Dockerfile: `<<NAME` and the lines up to NAME. */
export interface Heredoc {
  readonly name: string;
  /** Whether variables in it are expanded: its name was not quoted. */
  readonly expands: boolean;
  /** Leading tabs are taken away (`<<-`). */
  readonly chomps: boolean;
  /** Its lines with their ends. */
  readonly content: string;
}

export type HeredocHead = Omit<Heredoc, 'content'>;

const nothing = (): undefined => undefined;

/** The heredocs that a line opens, in order. */
export function heredocsOf(line: string, token: string): HeredocHead[] {
  const words = expandToWordsOrNone(line, token);
  return words.flatMap((word) => heredocHead(word, token) ?? []);
}

/** A word like `<<EOF`, `<<-"EOF"` or `3<<EOF`; undefined for any other. */
export function heredocHead(word: string, token: string): HeredocHead | undefined {
  const match = /^(\d*)<<(-?)\s*([^<]*)$/.exec(word);
  const rest = match?.[3] ?? '';
  if (match === null || rest === '') return undefined;
  const words = expandToWordsOrNone(rest, token);
  if (words.length !== 1) return undefined;
  const name = expand(rest, { escape: token, lookup: nothing });
  return name === '' ? undefined : { name, expands: name === rest, chomps: match[2] === '-' };
}

/** Quotes stay, and what is no shell text has no heredocs. */
function expandToWordsOrNone(text: string, token: string): string[] {
  try {
    return expandToWords(text, { escape: token, lookup: (name) => `$${name}`, raw: true });
  } catch (error) {
    if (error instanceof DockerfileError) return [];
    throw error;
  }
}
