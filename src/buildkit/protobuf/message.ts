import { malformed, WireReader, WireWriter, wireType } from './wire.ts';

/**
 * Protobuf messages as data: `message({ path: text(1), size: number(5) })` reads and writes the fields that are named and skips all others.
 * What is missing is read as its type's zero; zeros are not written.
 */
export interface Message<T> {
  /** Fails with `invalid-argument`. */
  decode(bytes: Uint8Array): T;
  encode(value: Partial<T>): Buffer;
}

export type Value<M> = M extends Message<infer T> ? T : never;

interface Field<T> {
  readonly number: number;
  readonly zero: () => T;
  /** The value after one more occurrence of the field. */
  read(reader: WireReader, type: number, before: T): T;
  write(writer: WireWriter, value: T): void;
}

/** One occurrence of a value. */
interface Kind<T> {
  readonly type: number;
  readonly zero: T;
  readonly read: (reader: WireReader) => T;
  readonly write: (writer: WireWriter, value: T) => void;
}

/** More of one field in one message than anybody needs. */
const MAX_REPEATED = 100_000;

export function message<F extends Record<string, Field<unknown>>>(
  fields: F,
): Message<{ readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }> {
  const entries = Object.entries(fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    decode(bytes) {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) value[name] = field.zero();
      const reader = new WireReader(bytes);
      while (!reader.ended) {
        const { number, type } = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) reader.skip(type);
        else value[known.name] = known.field.read(reader, type, value[known.name]);
      }
      return value as never;
    },
    encode(value) {
      const writer = new WireWriter();
      const given: Record<string, unknown> = value;
      for (const [name, field] of entries) {
        if (given[name] !== undefined) field.write(writer, given[name]);
      }
      return writer.finish();
    },
  };
}

const textKind: Kind<string> = {
  type: wireType.bytes,
  zero: '',
  read: (reader) => reader.bytes().toString('utf8'),
  write: (writer, value) => writer.bytes(Buffer.from(value)),
};

const bytesKind: Kind<Uint8Array> = {
  type: wireType.bytes,
  zero: new Uint8Array(),
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value),
};

const numberKind: Kind<number> = {
  type: wireType.varint,
  zero: 0,
  read: (reader) => Number(BigInt.asIntN(64, reader.varint())),
  write: (writer, value) => writer.varint(Math.trunc(value)),
};

const bigKind: Kind<bigint> = {
  type: wireType.varint,
  zero: 0n,
  read: (reader) => BigInt.asIntN(64, reader.varint()),
  write: (writer, value) => writer.varint(value),
};

const flagKind: Kind<boolean> = {
  type: wireType.varint,
  zero: false,
  read: (reader) => reader.varint() !== 0n,
  write: (writer, value) => writer.varint(value ? 1 : 0),
};

function single<T>(number: number, kind: Kind<T>): Field<T> {
  return {
    number,
    zero: () => kind.zero,
    read: (reader, type) => {
      if (type !== kind.type) throw malformed();
      return kind.read(reader);
    },
    write: (writer, value) => {
      if (value === kind.zero) return;
      writer.tag(number, kind.type);
      kind.write(writer, value);
    },
  };
}

export const text = (number: number): Field<string> => single(number, textKind);
/** A string of any bytes, one character each. */
export const byteText = (number: number): Field<string> =>
  single(number, {
    ...textKind,
    read: (reader) => reader.bytes().toString('latin1'),
    write: (writer, value) => writer.bytes(Buffer.from(value, 'latin1')),
  });
export const bytes = (number: number): Field<Uint8Array> => single(number, bytesKind);
/** An integer; one beyond 2^53 loses its last digits. */
export const number = (number: number): Field<number> => single(number, numberKind);
export const big = (number: number): Field<bigint> => single(number, bigKind);
export const flag = (number: number): Field<boolean> => single(number, flagKind);

/** A message within the message; undefined when it is not there. */
export function nested<T>(number: number, inner: Message<T>): Field<Partial<T> | undefined> {
  return {
    number,
    zero: () => undefined,
    read: (reader, type) => {
      if (type !== wireType.bytes) throw malformed();
      return inner.decode(reader.bytes());
    },
    write: (writer, value) => {
      if (value === undefined) return;
      writer.tag(number, wireType.bytes);
      writer.bytes(inner.encode(value));
    },
  };
}

export const texts = (number: number): Field<readonly string[]> => repeated(number, textKind);
export const byteLists = (number: number): Field<readonly Uint8Array[]> => repeated(number, bytesKind);

export function list<T>(number: number, inner: Message<T>): Field<readonly Partial<T>[]> {
  return repeated<Partial<T>>(number, {
    type: wireType.bytes,
    zero: {},
    read: (reader) => inner.decode(reader.bytes()),
    write: (writer, value) => writer.bytes(inner.encode(value)),
  });
}

function repeated<T>(number: number, kind: Kind<T>): Field<readonly T[]> {
  return {
    number,
    zero: () => [],
    read: (reader, type, before) => {
      if (type !== kind.type || before.length >= MAX_REPEATED) throw malformed();
      // Ours since `zero`; copying it each time would take quadratic time.
      (before as T[]).push(kind.read(reader));
      return before;
    },
    write: (writer, values) => {
      for (const value of values) {
        writer.tag(number, kind.type);
        kind.write(writer, value);
      }
    },
  };
}

/** From texts to texts. */
export const textMap = (number: number): Field<Readonly<Record<string, string>>> =>
  mapOf(number, message({ key: text(1), value: text(2) }));
export const bytesMap = (number: number): Field<Readonly<Record<string, Uint8Array>>> =>
  mapOf(number, message({ key: text(1), value: bytes(2) }));
export const messageMap = <T>(
  number: number,
  inner: Message<T>,
): Field<Readonly<Record<string, Partial<T> | undefined>>> =>
  mapOf(number, message({ key: text(1), value: nested(2, inner) }));

function mapOf<T>(
  number: number,
  entry: Message<{ readonly key: string; readonly value: T }>,
): Field<Readonly<Record<string, T>>> {
  const entries = list(number, entry);
  return {
    number,
    zero: () => Object.create(null),
    read: (reader, type, before) => {
      if (type !== wireType.bytes) throw malformed();
      const { key, value } = entry.decode(reader.bytes());
      (before as Record<string, T>)[key] = value;
      return before;
    },
    write: (writer, value) =>
      entries.write(
        writer,
        Object.entries(value).map(([key, one]) => ({ key, value: one })),
      ),
  };
}
