/** What a copy could not take along. */
export interface LeftOut {
  readonly count: number;
  readonly first: string;
}

export const nothing: LeftOut = { count: 0, first: '' };

export function oneMore({ count, first }: LeftOut, name: string): LeftOut {
  return { count: count + 1, first: count === 0 ? name : first };
}

/** A warning about them, or nothing. `kinds` in the plural. */
export function leftOutWarning(kinds: string, { count, first }: LeftOut): string {
  if (count === 0) return '';
  const others = count === 1 ? '' : ` and ${count - 1} more`;
  return `WARNING: ${kinds} are not copied: ${JSON.stringify(first)}${others}\n`;
}
