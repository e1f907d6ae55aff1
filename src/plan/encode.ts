import { invalid } from '../base/errors.ts';
import {
  type ArgumentKind,
  type Operation,
  operations,
  type Plan,
  type Stage,
  stages,
} from './operations.ts';

/** The binary form of a plan, as the launcher reads it: see docs/plan-format.md. Throws `invalid-argument` on what cannot be said in it. */
export function encodePlan(plan: Partial<Plan>): Uint8Array {
  const writer = new Writer();
  writer.at = PLAN_HEADER_SIZE;
  let count = 0;
  for (const stage of stageNames) {
    for (const operation of plan[stage] ?? []) {
      encodeOperation(writer, stages[stage], operation);
      count += 1;
    }
  }
  const size = writer.at;
  if (size > PLAN_LIMIT || count > OPERATION_LIMIT) {
    throw invalid(`a plan of ${count} steps and ${size} bytes is more than the launcher takes`);
  }
  writer.at = 0;
  writer.word(MAGIC);
  writer.word(VERSION);
  writer.word(count);
  writer.word(size);
  return writer.bytes.subarray(0, size);
}

/** Limits that the launcher enforces. */
const PLAN_LIMIT = 16 * 1024 * 1024;
const OPERATION_LIMIT = 8192;

const MAGIC = 0x4e504d53;
const VERSION = 1;
const PLAN_HEADER_SIZE = 16;
const stageNames = Object.keys(stages) as Stage[];

/** Each operation's code and its arguments' names and kinds, in their order. */
const shapes = new Map(
  Object.entries(operations).map(([name, shape]) => [
    name,
    { code: shape.code, args: Object.entries<ArgumentKind>(shape.args) },
  ]),
);

function encodeOperation(writer: Writer, stage: number, operation: Operation): void {
  const shape = shapes.get(operation.op);
  if (shape === undefined) throw invalid(`there is no operation ${JSON.stringify(operation.op)}`);
  const values: Readonly<Record<string, unknown>> = operation;
  const header = writer.at;
  writer.at += 8;
  for (const [name, kind] of shape.args) {
    if (!encodeArgument(writer, kind, values[name])) {
      throw invalid(`${operation.op} has no ${kind} for ${name} that a plan can hold`);
    }
  }
  const end = writer.at;
  writer.at = header;
  writer.word(shape.code | (stage << 16) | (shape.args.length << 24));
  writer.word(end - header - 8);
  writer.at = end;
}

function encodeArgument(writer: Writer, kind: ArgumentKind, value: unknown): boolean {
  switch (kind) {
    case 'int':
      return encodeInt(writer, value);
    case 'text':
      return encodeText(writer, value);
    case 'bytes':
      return value instanceof Uint8Array && writer.put(value);
    case 'texts':
      return encodeList(writer, value, encodeText);
    case 'ints':
      return encodeList(writer, value, encodeInt);
  }
}

/** 64 bits, two's complement; unsigned numbers of 64 bits wrap. */
function encodeInt(writer: Writer, value: unknown): boolean {
  if (typeof value === 'bigint') return writer.long(value);
  return typeof value === 'number' && Number.isSafeInteger(value) && writer.integer(value);
}

/** A NUL would end the text early for the kernel: what is checked here must be what is used there. */
function encodeText(writer: Writer, value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0') && writer.text(value);
}

function encodeList(
  writer: Writer,
  value: unknown,
  encodeItem: (writer: Writer, item: unknown) => boolean,
): boolean {
  if (!Array.isArray(value)) return false;
  writer.word(value.length);
  writer.word(0);
  return value.every((item) => encodeItem(writer, item));
}

const encoder = new TextEncoder();

/** Little-endian bytes that grow. Fresh memory is zero, so padding needs no writing. */
class Writer {
  bytes = new Uint8Array(4096);
  #view = new DataView(this.bytes.buffer);
  at = 0;

  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  long(value: bigint): true {
    this.#reserve(8);
    this.#view.setBigInt64(this.at, value, true);
    this.at += 8;
    return true;
  }

  integer(value: number): true {
    this.word(value);
    this.#reserve(4);
    this.#view.setInt32(this.at, Math.floor(value / 0x1_0000_0000), true);
    this.at += 4;
    return true;
  }

  /** Length, bytes, padding to 8. */
  put(value: Uint8Array): true {
    this.word(value.length);
    this.word(0);
    this.#reserve(value.length + 8);
    this.bytes.set(value, this.at);
    this.at = align(this.at + value.length);
    return true;
  }

  /** Length, UTF-8 and a NUL, padding to 8. */
  text(value: string): true {
    this.#reserve(value.length * 3 + 24);
    const { written } = encoder.encodeInto(value, this.bytes.subarray(this.at + 8));
    this.word(written);
    this.word(0);
    this.at = align(this.at + written + 1);
    return true;
  }

  #reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, align(this.at + size)));
    grown.set(this.bytes);
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function align(size: number): number {
  return (size + 7) & ~7;
}
