import { SampanError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { AttachOptions, DnsSockets, Exit, LogRotation, TerminalSize } from './contract.ts';
import { encodeFrame, FRAME_HEADER_SIZE, type Frame, writeFrameHeader } from './frames.ts';

/** The supervisor's frames; `native/protocol.h` holds the same numbers, `docs/supervisor-protocol.md` their payloads. */
export const supervisorFrames = {
  stdout: 0x01,
  stderr: 0x02,
  attach: 0x30,
  stdin: 0x31,
  stdinEnd: 0x32,
  resize: 0x33,
  signal: 0x34,
  exec: 0x35,
  status: 0x36,
  wait: 0x37,
  hold: 0x38,
  release: 0x39,
  dns: 0x3a,
  publish: 0x3b,
  log: 0x3c,
  ok: 0x40,
  refused: 0x41,
  attached: 0x42,
  detached: 0x43,
  exited: 0x44,
  oom: 0x45,
  state: 0x46,
  note: 0x47,
} as const;

const attachFlags = { stdin: 1, stdout: 2, stderr: 4, now: 8 } as const;

/** What a supervisor keeps of a detach sequence. */
const DETACH_KEYS_LIMIT = 64;

/** The id that means the container's first process. */
export const FIRST_PROCESS = '';

export interface ProcessStart {
  readonly pid: number;
  readonly startedAt: Date;
}

export interface ProcessExit {
  /** Of the exec; empty for the first process. */
  readonly id: string;
  readonly exit: Exit;
}

export interface ContainerState extends ProcessStart {
  readonly execs: readonly (ProcessStart & { readonly id: string })[];
}

export function encodeAttach(id: string, options: AttachOptions): Uint8Array {
  return encodeFrame(
    supervisorFrames.attach,
    join([flagsOf(options)], counted(detachKeys(options)), counted(utf8(id))),
  );
}

export function encodeExec(id: string, options: AttachOptions | undefined, plan: Uint8Array): Uint8Array {
  const flags = options === undefined ? 0 : flagsOf(options) | attachFlags.now;
  const keys = options === undefined ? new Uint8Array(0) : detachKeys(options);
  return encodeFrame(supervisorFrames.exec, join([flags], counted(keys), counted(utf8(id)), plan));
}

export function encodeSignal(id: string, signal: number): Uint8Array {
  return encodeFrame(supervisorFrames.signal, join([signal], counted(utf8(id))));
}

export function encodeResize(id: string, size: TerminalSize): Uint8Array {
  const cells = new Uint8Array(4);
  const view = new DataView(cells.buffer);
  view.setUint16(0, size.rows);
  view.setUint16(2, size.columns);
  return encodeFrame(supervisorFrames.resize, join(cells, counted(utf8(id))));
}

export function encodeLogRotation({ maxSize, maxFiles, compress }: LogRotation): Uint8Array {
  const payload = new Uint8Array(11);
  const view = new DataView(payload.buffer);
  view.setBigUint64(0, BigInt(maxSize));
  view.setUint16(8, maxFiles);
  view.setUint8(10, Number(compress));
  return encodeFrame(supervisorFrames.log, payload);
}

/** The header of a STDIN frame, whose bytes follow it as they are. */
export function encodeStdinHeader(size: number): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_SIZE);
  writeFrameHeader(header, supervisorFrames.stdin, size);
  return header;
}

function flagsOf(options: AttachOptions): number {
  return (
    (options.stdin ? attachFlags.stdin : 0) |
    (options.stdout ? attachFlags.stdout : 0) |
    (options.stderr ? attachFlags.stderr : 0)
  );
}

function detachKeys(options: AttachOptions): Uint8Array {
  if (options.detachKeys.length <= DETACH_KEYS_LIMIT) return options.detachKeys;
  throw new SampanError('invalid-argument', `a detach sequence has at most ${DETACH_KEYS_LIMIT} keys`);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function counted(bytes: Uint8Array): Uint8Array {
  return join([bytes.length], bytes);
}

function join(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function decodeStart(frame: Frame): ProcessStart {
  return startOf(decodeObject(frame.payload));
}

export function decodeExit(frame: Frame): ProcessExit {
  const object = decodeObject(frame.payload);
  return { id: String(object['id']), exit: exitOf(object) };
}

export function decodeState(frame: Frame): ContainerState {
  const object = decodeObject(frame.payload);
  const execs = Array.isArray(object['execs']) ? object['execs'] : [];
  return {
    ...startOf(object),
    execs: execs.filter(isJsonObject).map((exec) => ({ ...startOf(exec), id: String(exec['id']) })),
  };
}

/** The answer to `dns`: the port in two bytes, and whether it was opened just now. */
export function decodeDnsSockets({ payload }: Frame): DnsSockets {
  const [high = 0, low = 0, opened = 0] = payload;
  return { port: (high << 8) | low, opened: opened !== 0 };
}

/** The error that a REFUSED frame stands for. */
export function decodeRefusal(frame: Frame): SampanError {
  const object = decodeObject(frame.payload);
  const codes = ['not-found', 'conflict', 'invalid-argument', 'exhausted'] as const;
  const code = codes.find((known) => known === object['code']);
  return new SampanError(code ?? 'internal', String(object['message']));
}

/** A JSON object from the supervisor or its state file. */
export function decodeObject(bytes: Uint8Array): JsonObject {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (isJsonObject(value)) return value;
  throw new SampanError('data-loss', 'the supervisor sent something that is no JSON object');
}

export function startOf(object: JsonObject): ProcessStart {
  return { pid: numberOf(object, 'pid'), startedAt: timeOf(object, 'startedAtNs') };
}

export function exitOf(object: JsonObject): Exit {
  return {
    code: numberOf(object, 'code'),
    finishedAt: timeOf(object, 'finishedAtNs'),
    oomKilled: object['oomKilled'] === true,
  };
}

function timeOf(object: JsonObject, key: string): Date {
  return new Date(numberOf(object, key) / 1e6);
}

function numberOf(object: JsonObject, key: string): number {
  const value = object[key];
  if (typeof value === 'number') return value;
  throw new SampanError('data-loss', `the supervisor sent no number for "${key}"`);
}
