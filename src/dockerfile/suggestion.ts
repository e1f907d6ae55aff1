/** Names that are further away are not what was meant. */
const MAX_DISTANCE = 2;

/** " (did you mean X?)" for the name that is nearest to a wrong one, or nothing. */
export function suggestion(wrong: string, names: readonly string[]): string {
  let best: string | undefined;
  let least = MAX_DISTANCE + 1;
  for (const name of names) {
    const changes = distance(wrong, name);
    if (changes >= least) continue;
    best = name;
    least = changes;
  }
  return best === undefined ? '' : ` (did you mean ${best}?)`;
}

/** Levenshtein's: how many characters have to be changed, added or left out. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      next[j] = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
