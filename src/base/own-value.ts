/** What a record has under a name that somebody else chose: not what every object has, as "constructor" or "__proto__". */
export function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
