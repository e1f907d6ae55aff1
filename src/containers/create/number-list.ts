/** Inclusive ranges of a list like "0-3,7"; undefined when it is not one. Numbers up to 8191, as the kernel's sets go. */
export function parseNumberList(text: string): readonly (readonly [number, number])[] | undefined {
  const ranges: [number, number][] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first || last > 8191) return undefined;
    ranges.push([first, last]);
  }
  return ranges;
}

/** Whether every number of `wanted` is in `available`. */
export function contains(
  available: readonly (readonly [number, number])[],
  wanted: readonly (readonly [number, number])[],
): boolean {
  const members = new Set<number>();
  for (const [first, last] of available) for (let n = first; n <= last; n++) members.add(n);
  return wanted.every(([first, last]) => {
    for (let n = first; n <= last; n++) if (!members.has(n)) return false;
    return true;
  });
}
