/** Parses JSON; integers that a JavaScript number cannot hold become bigints. */
export function parseExactJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const reviver = (_: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const { source } = context ?? {};
    const isLarge = typeof value === 'number' && !Number.isSafeInteger(value);
    return isLarge && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  };
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}
