import { CommandError } from '../command-error.ts';
import { parseCsvLine } from '../csv.ts';
import { cut } from '../flag-types.ts';

/** The value of a flag that has several fields: `type=registry,ref=x`. Names are lower case. Throws CommandError in buildx's words. */
export function fieldsOf(value: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const field of parseCsvLine(value)) {
    if (!field.includes('=')) throw new CommandError(`invalid field '${field}' must be a key=value pair`);
    const [key, text] = cut(field, '=');
    fields.set(key.trim().toLowerCase(), text);
  }
  return fields;
}

/** Throws CommandError when there is a field of another name. */
export function checkFields(
  value: string,
  fields: ReadonlyMap<string, string>,
  known: readonly string[],
): void {
  for (const [key, text] of fields) {
    if (!known.includes(key))
      throw new CommandError(`unexpected key '${key}' in '${key}=${text}' of ${value}`);
  }
}
