import { compareBytes, Float, formatFloat, isMap, isNil, NilPointer, RawJson, Struct } from './values.ts';

/** JSON as Go's encoder writes it without HTML escaping: maps sorted by key, structs in their order. */
export function goJson(value: unknown): string {
  if (value === undefined || value === null || value instanceof NilPointer) return 'null';
  if (typeof value === 'object' && isNil(value)) return 'null';
  if (value instanceof RawJson) return value.text;
  if (value instanceof Struct) {
    if (value.json !== undefined) return goJson(value.json());
    const pairs = [...value.members];
    return `{${pairs.map(([key, member]) => `${goString(key)}:${goJson(member)}`).join(',')}}`;
  }
  if (value instanceof Float) return formatFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).sort(compareBytes);
    return `{${keys.map((key) => `${goString(key)}:${goJson(value[key])}`).join(',')}}`;
  }
  return typeof value === 'string' ? goString(value) : String(value);
}

function goString(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** The form in which Go writes JSON by default: safe inside HTML. */
export function escapeForHtml(json: string): string {
  return json.replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
