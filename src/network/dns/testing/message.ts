/** Just enough of DNS messages (RFC 1035) for tests to ask and to answer. */

export const types = { A: 1, NS: 2, PTR: 12, MX: 15, AAAA: 28, SRV: 33, OPT: 41, HTTPS: 65 } as const;
export type TypeName = keyof typeof types;

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** Of EDNS; undefined without. */
  readonly size: number | undefined;
}

export interface Answer {
  readonly id: number;
  readonly code: number;
  readonly truncated: boolean;
  /** Records of the question's type, as text. */
  readonly records: readonly string[];
  readonly timesToLive: readonly number[];
  readonly question: string;
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Uint8Array.of(label.length), Buffer.from(label)])),
    Uint8Array.of(0),
  ]);
}

export function encodeQuestion({ id, name, type, size }: Question): Buffer {
  const options =
    size === undefined ? [] : [Uint8Array.of(0, 0, types.OPT, size >>> 8, size & 255, 0, 0, 0, 0, 0, 0)];
  return Buffer.concat([
    u16(id, 0x0100, 1, 0, 0, options.length),
    encodeName(name),
    u16(type, 1),
    ...options,
  ]);
}

export function decodeQuestion(message: Buffer): Question {
  const { name, end } = decodeName(message, 12);
  const hasOptions = message.readUInt16BE(10) === 1;
  return {
    id: message.readUInt16BE(0),
    name,
    type: message.readUInt16BE(end),
    size: hasOptions ? message.readUInt16BE(end + 4 + 3) : undefined,
  };
}

export interface AnswerOptions {
  readonly code?: number;
  readonly truncated?: boolean;
}

/** An answer with A records. */
export function encodeAnswer(
  question: Question,
  addresses: readonly string[],
  options: AnswerOptions = {},
): Buffer {
  const { code = 0, truncated = false } = options;
  return Buffer.concat([
    u16(question.id, 0x8180 | code | (truncated ? 0x200 : 0), 1, addresses.length, 0, 0),
    encodeName(question.name),
    u16(question.type, 1),
    ...addresses.map((address) =>
      Buffer.concat([u16(0xc00c, types.A, 1, 0, 60, 4), Buffer.from(address.split('.').map(Number))]),
    ),
  ]);
}

export function decodeAnswer(message: Buffer): Answer {
  const { name, end } = decodeName(message, 12);
  const type = message.readUInt16BE(end);
  const records: string[] = [];
  const timesToLive: number[] = [];
  let offset = end + 4;
  for (let index = 0; index < message.readUInt16BE(6); index++) {
    offset = decodeName(message, offset).end;
    const size = message.readUInt16BE(offset + 8);
    timesToLive.push(message.readUInt32BE(offset + 4));
    records.push(recordText(message, type, offset + 10, size));
    offset += 10 + size;
  }
  const flags = message.readUInt16BE(2);
  return {
    id: message.readUInt16BE(0),
    code: flags & 15,
    truncated: (flags & 0x200) !== 0,
    records,
    timesToLive,
    question: name,
  };
}

function recordText(message: Buffer, type: number, offset: number, size: number): string {
  if (type === types.PTR) return decodeName(message, offset).name;
  const bytes = message.subarray(offset, offset + size);
  return type === types.A ? bytes.join('.') : bytes.toString('hex');
}

function decodeName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) {
      const rest = decodeName(message, message.readUInt16BE(at) & 0x3fff);
      return { name: [...labels, rest.name].join('.'), end: at + 2 };
    }
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}

function u16(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >>> 8, value & 255]));
}
