import { DockerfileError } from '../../dockerfile/errors.ts';

/** The mode that `--chmod` gives to a file or directory of a mode. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

interface Clause {
  readonly who: string;
  readonly changes: readonly { readonly operator: string; readonly letters: string }[];
}

/** Reads "755" or chmod's symbolic form ("u=rwX,go=rX"). Fails with DockerfileError on what is neither. */
export function readMode(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    if (mode <= 0o7777) return () => mode;
  }
  const clauses = text.split(',').map((clause) => readClause(clause, text));
  return (mode, isDirectory) =>
    clauses.reduce((changed, clause) => applyClause(changed, clause, isDirectory), mode);
}

function readClause(clause: string, text: string): Clause {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (match === null) {
    throw new DockerfileError(
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    );
  }
  const changes = [...(match[2] ?? '').matchAll(/([-+=])([rwxXstugo]*)/g)];
  return {
    who: match[1] || 'a',
    changes: changes.map(([, operator = '', letters = '']) => ({ operator, letters })),
  };
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function applyClause(mode: number, { who, changes }: Clause, isDirectory: boolean): number {
  const whom = who.includes('a') ? ['u', 'g', 'o'] : [...who];
  let changed = mode;
  for (const { operator, letters } of changes) {
    const special = specialBits(letters, whom);
    const bits = whom.reduce(
      (sum, each) => sum | (permissions(letters, changed, isDirectory) << (shifts[each] ?? 0)),
      special,
    );
    // What "=" does not name is cleared, but a directory keeps the user's and group's special bits.
    const cleared = specialBits(isDirectory ? 't' : 'st', whom);
    const all = whom.reduce((sum, each) => sum | (0o7 << (shifts[each] ?? 0)), cleared);
    if (operator === '+') changed |= bits;
    else if (operator === '-') changed &= ~bits;
    else changed = (changed & ~all) | bits;
  }
  return changed & 0o7777;
}

/** "r", "w" and "x", or those of somebody else ("g=u"), as three bits. */
function permissions(letters: string, mode: number, isDirectory: boolean): number {
  const other = shifts[letters];
  if (other !== undefined) return (mode >> other) & 0o7;
  const executable =
    letters.includes('x') || (letters.includes('X') && (isDirectory || (mode & 0o111) !== 0));
  return (letters.includes('r') ? 4 : 0) | (letters.includes('w') ? 2 : 0) | (executable ? 1 : 0);
}

function specialBits(letters: string, whom: readonly string[]): number {
  const set = letters.includes('s')
    ? (whom.includes('u') ? 0o4000 : 0) | (whom.includes('g') ? 0o2000 : 0)
    : 0;
  return set | (letters.includes('t') && whom.includes('o') ? 0o1000 : 0);
}

/** Of directories that a copy makes on its way: by a mode in numbers as mkdir(2) would, with the usual mask. */
export function directoryMode(text: string): number {
  return /^[0-7]{1,5}$/.test(text) ? Number.parseInt(text, 8) & 0o755 : 0o755;
}
