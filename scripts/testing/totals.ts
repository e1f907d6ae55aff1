/** What a run of tests came to. */
export interface Totals {
  passed: number;
  failed: number;
}

/**
 * Adds a line of what `bun test` says at its end: " 12 pass", " 0 fail", " 1 skip", " 1 todo", " 1 error". A test that did not run
 * is no pass, so it counts as failed.
 */
export function countLine(totals: Totals, line: string): void {
  const [, count, kind] = /^\s*(\d+) (pass|fail|skip|todo|errors?)\s*$/.exec(line) ?? [];
  if (kind === 'pass') totals.passed += Number(count);
  else if (kind !== undefined) totals.failed += Number(count);
}
