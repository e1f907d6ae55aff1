import type { Field, Schema } from '../../wire/schema.ts';
import { isMap, markNil, NilPointer, Struct, setZeroOfMap } from './values.ts';

/**
 * A JSON answer as Docker's templates see it: the Go struct that the schema describes, with zero values for what was left out, and no
 * other fields.
 */
export function structOf(schema: Schema, value: unknown, typeName: string = schema.typeName): unknown {
  return typed(schema, value, typeName);
}

function typed(schema: Schema, value: unknown, typeName: string = schema.typeName): unknown {
  switch (schema.kind) {
    case 'struct':
      return typedStruct(schema, isMap(value) ? value : {}, typeName);
    case 'list':
      return Array.isArray(value) && schema.item !== undefined ? typedList(schema.item, value) : markNil([]);
    case 'map':
      return isMap(value) ? typedMap(schema, value) : markNil(typedMap(schema, {}));
    case 'nullable':
      if (value === null || value === undefined) return new NilPointer(`*${schema.typeName}`);
      return schema.item === undefined ? value : typed(schema.item, value);
    case 'any':
      return value ?? null;
    default:
      return value ?? schema.zero();
  }
}

function typedStruct(schema: Schema, value: Readonly<Record<string, unknown>>, typeName: string): Struct {
  const members: [string, unknown][] = [];
  const pairs: [string, unknown][] = [];
  for (const [key, entry] of Object.entries(schema.fields ?? {})) {
    const field = fieldOf(entry);
    const given = value[key] ?? null;
    const member = given === null ? absent(field, key) : typed(field.schema, given);
    members.push([goName(key), member]);
    if (given !== null) pairs.push([key, member]);
    else if (!field.optional) pairs.push([key, field.schema.zero()]);
  }
  return new Struct(typeName, members, () => new Struct(typeName, pairs));
}

function fieldOf(entry: Schema | Field): Field {
  return 'optional' in entry ? entry : { schema: entry, optional: false };
}

/** Numbers that are pointers in Go. */
const pointers = new Set(['SizeRw', 'SizeRootFs']);

/** What may be left out and is a struct is a pointer in Go. */
function absent({ schema, optional }: Field, key: string): unknown {
  if (optional && (schema.kind === 'struct' || pointers.has(key)))
    return new NilPointer(`*${schema.typeName}`);
  return typed(schema, undefined);
}

function typedList(item: Schema, values: readonly unknown[]): unknown[] {
  return values.map((value) => typed(item, value));
}

function typedMap(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { item } = schema;
  if (item === undefined) return value;
  const result = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, typed(item, entry)]));
  setZeroOfMap(result, item.kind === 'any' ? null : typed(item, undefined));
  return result;
}

/** Where Go's field has another name than its JSON key. */
const goNames: Readonly<Record<string, string>> = {
  Id: 'ID',
  HostIp: 'HostIP',
  NanoCpus: 'NanoCPUs',
  CpuShares: 'CPUShares',
  CpuPeriod: 'CPUPeriod',
  CpuQuota: 'CPUQuota',
  CpuRealtimePeriod: 'CPURealtimePeriod',
  CpuRealtimeRuntime: 'CPURealtimeRuntime',
  CpuCount: 'CPUCount',
  CpuPercent: 'CPUPercent',
  CpuCfsPeriod: 'CPUCfsPeriod',
  CpuCfsQuota: 'CPUCfsQuota',
  Dns: 'DNS',
  DnsOptions: 'DNSOptions',
  DnsSearch: 'DNSSearch',
  ApiVersion: 'APIVersion',
  status: 'Status',
  id: 'ID',
  from: 'From',
  scope: 'Scope',
  time: 'Time',
  timeNano: 'TimeNano',
};

function goName(key: string): string {
  return goNames[key] ?? key;
}
