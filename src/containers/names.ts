import { conflict, invalid } from '../base/errors.ts';
import { adjectives, scientists } from './name-words.ts';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Fails with `invalid-argument` in Docker's words for a name that is not allowed. One leading "/" is dropped. */
export function parseName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!pattern.test(name)) {
    throw invalid(`Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return name;
}

/** A made-up name that `taken` does not know: adjective and scientist, with a digit once those run short. */
export function generateName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(adjectives)}_${pick(scientists)}${attempt < 6 ? '' : Math.floor(Math.random() * 10 ** Math.min(attempt - 5, 9))}`;
    if (!taken(name)) return name;
  }
}

export function nameInUse(name: string, id: string): Error {
  return conflict(
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? '';
}
