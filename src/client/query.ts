type QueryValue = string | number | boolean | readonly string[] | Record<string, unknown> | undefined | null;
export type Query = Readonly<Record<string, QueryValue>>;

/**
 * A query string as Go's url.Values writes it: keys sorted, blanks as `+`. true is `1`; false, undefined, null and the empty string
 * are left out; lists repeat the key; objects are sent as JSON (filters).
 */
export function encodeQuery(query: Query): string {
  const pairs: string[] = [];
  for (const key of Object.keys(query).sort()) {
    for (const value of textsOf(query[key])) pairs.push(`${escapeQuery(key)}=${escapeQuery(value)}`);
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function textsOf(value: QueryValue): readonly string[] {
  if (value === undefined || value === null || value === false || value === '') return [];
  if (value === true) return ['1'];
  if (Array.isArray(value)) return value;
  return [typeof value === 'object' ? sortedJson(value) : String(value)];
}

/** JSON with sorted keys, as Go writes maps: the same filters are always the same text. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

/** Go's url.QueryEscape: letters, digits and `-_.~` stay. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** One path segment, or an image name, whose `/` and `:` stay as they are. */
export function escapePath(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@');
}
