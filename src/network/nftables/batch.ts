import type { Operation } from '../../plan/operations.ts';
import { messageFlag, protocol } from '../netlink/constants.ts';
import { type Attribute, type Message, netlinkOperation } from '../netlink/message.ts';
import { batchType, family, messageKind, subsystem } from './constants.ts';
import { bigEndian32, type Expression } from './expressions.ts';

/**
 * Messages of nf_tables (linux/netfilter/nf_tables.h). Those of one batch take effect together or not at all.
 *
 * Attribute numbers are those of the NFTA_* enumeration that each function's name tells.
 */

/** One transaction as a plan's step. `ignore` lists errnos that count as success of the whole. */
export function transaction(messages: readonly Message[], ignore: readonly number[] = []): Operation {
  const batch = [frame(batchType.begin), ...messages, frame(batchType.end)];
  return netlinkOperation(protocol.netfilter, batch, ignore);
}

/** struct nfgenmsg: family, version 0, resource id in network order. */
function header(resource = 0, ofFamily: number = family.inet): Uint8Array {
  return Uint8Array.of(ofFamily, 0, resource >>> 8, resource & 255);
}

function frame(type: number): Message {
  return { type, flags: 0, header: header(subsystem.nftables, family.unspecified), attributes: [] };
}

function message(
  kind: number,
  flags: number,
  attributes: readonly Attribute[],
  ofFamily: number = family.inet,
): Message {
  const type = (subsystem.nftables << 8) | kind;
  return { type, flags: flags | messageFlag.ack, header: header(0, ofFamily), attributes };
}

/** Makes the table; there already is fine. The family is inet where none is given, here and below. */
export function addTable(table: string, ofFamily?: number): Message {
  const attributes: readonly Attribute[] = [
    [1, table],
    [2, bigEndian32(0)],
  ];
  return message(messageKind.newTable, messageFlag.create, attributes, ofFamily);
}

/** Deletes the table with all that is in it. */
export function deleteTable(table: string, ofFamily?: number): Message {
  return message(messageKind.deleteTable, 0, [[1, table]], ofFamily);
}

export interface BaseChain {
  readonly type: 'filter' | 'nat';
  readonly hook: number;
  readonly priority: number;
}

/** A chain; without `base` one that is only jumped to. Base chains accept what no rule decides. */
export function addChain(table: string, name: string, base?: BaseChain, ofFamily?: number): Message {
  const attributes: Attribute[] = [
    [1, table],
    [3, name],
  ];
  if (base !== undefined) {
    const hook: readonly Attribute[] = [
      [1, bigEndian32(base.hook)],
      [2, bigEndian32(base.priority)],
    ];
    attributes.push([4, hook], [5, bigEndian32(1)], [7, base.type]);
  }
  return message(messageKind.newChain, messageFlag.create, attributes, ofFamily);
}

/** As `nft` reads it: NFTNL_UDATA_RULE_COMMENT, length, text with its NUL. */
function commentData(text: string): Uint8Array {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([Uint8Array.of(0, bytes.length), bytes]);
}

export interface RuleOptions {
  readonly family?: number;
  readonly comment?: string | undefined;
}

/** Appends a rule. */
export function addRule(
  table: string,
  chain: string,
  expressions: readonly Expression[],
  { family: ofFamily, comment }: RuleOptions = {},
): Message {
  const attributes: Attribute[] = [
    [1, table],
    [2, chain],
    [4, expressions],
  ];
  if (comment !== undefined) attributes.push([7, commentData(comment)]);
  return message(messageKind.newRule, messageFlag.create | messageFlag.append, attributes, ofFamily);
}

/** Inserts a rule before the one with this handle. */
export function insertRule(
  table: string,
  chain: string,
  expressions: readonly Expression[],
  before: Uint8Array,
  { family: ofFamily, comment = '' }: RuleOptions,
): Message {
  const attributes: readonly Attribute[] = [
    [1, table],
    [2, chain],
    [4, expressions],
    [6, before],
    [7, commentData(comment)],
  ];
  return message(messageKind.newRule, messageFlag.create, attributes, ofFamily);
}

export function deleteRule(table: string, chain: string, handle: Uint8Array, ofFamily: number): Message {
  const attributes: readonly Attribute[] = [
    [1, table],
    [2, chain],
    [3, handle],
  ];
  return message(messageKind.deleteRule, 0, attributes, ofFamily);
}

/** A field of a key or of data: its type's number, and its length as it stands in registers, a multiple of 4 once padded. */
interface Field {
  readonly type: number;
  readonly length: number;
}

export interface SetShape {
  readonly name: string;
  /** More than one: a concatenation. */
  readonly key: readonly Field[];
  readonly flags: number;
  readonly data?: readonly Field[];
  /** Told to `nft` alone, which else lists the keys as if they were in network order. */
  readonly hostOrder?: boolean;
}

/** NFTNL_UDATA_SET_KEYBYTEORDER, four bytes: host order. */
const hostOrderNote = Uint8Array.of(0, 4, 1, 0, 0, 0);

/** `id` names the set within the batch and must differ from the others'. */
export function addSet(table: string, set: SetShape, id: number): Message {
  const attributes: Attribute[] = [
    [1, table],
    [2, set.name],
    [3, bigEndian32(set.flags)],
    [4, bigEndian32(concatenatedType(set.key))],
    [5, bigEndian32(lengthOf(set.key))],
    [10, bigEndian32(id)],
  ];
  if (set.data !== undefined) {
    attributes.push([6, bigEndian32(concatenatedType(set.data))], [7, bigEndian32(lengthOf(set.data))]);
  }
  if (set.hostOrder === true) attributes.push([13, hostOrderNote]);
  return message(messageKind.newSet, messageFlag.create, attributes);
}

/** As `nft` packs the types of a concatenation so that it can list them: six bits for each. */
function concatenatedType(fields: readonly Field[]): number {
  return fields.length === 1
    ? (fields[0]?.type ?? 0)
    : fields.reduce((sum, field) => (sum << 6) | field.type, 0);
}

function lengthOf(fields: readonly Field[]): number {
  return fields.length === 1
    ? (fields[0]?.length ?? 0)
    : fields.reduce((sum, field) => sum + ((field.length + 3) & ~3), 0);
}

export interface Element {
  readonly key: Uint8Array;
  /** NFTA_DATA_*: see `valueData` and `verdictData`. */
  readonly data?: readonly Attribute[];
}

/** Adds elements; one that is there already with the same data is fine. */
export function addElements(table: string, set: string, elements: readonly Element[]): Message {
  return message(messageKind.newElement, messageFlag.create, elementList(table, set, elements));
}

/** Deletes elements by their keys; ENOENT if one is missing. */
export function deleteElements(table: string, set: string, keys: readonly Uint8Array[]): Message {
  const elements = keys.map((key) => ({ key }));
  return message(messageKind.deleteElement, 0, elementList(table, set, elements));
}

function elementList(table: string, set: string, elements: readonly Element[]): readonly Attribute[] {
  const list = elements.map(({ key, data }): Attribute => {
    const attributes: Attribute[] = [[1, [[1, key]]]];
    if (data !== undefined) attributes.push([2, data]);
    return [1, attributes];
  });
  return [
    [1, table],
    [2, set],
    [3, list],
  ];
}

/** NFTA_DATA_VALUE. */
export function valueData(bytes: Uint8Array): readonly Attribute[] {
  return [[1, bytes]];
}
