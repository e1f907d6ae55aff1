import type { PlanResults } from '../../plan/contract.ts';
import type { Operation } from '../../plan/operations.ts';
import { messageFlag, protocol } from '../netlink/constants.ts';
import { netlinkOperation } from '../netlink/message.ts';
import { readAttributeList, readAttributes, readMessages, readText } from '../netlink/reader.ts';
import { family, messageKind, subsystem } from './constants.ts';

/**
 * What is in nf_tables, whoever put it there: chains with their rules as the kernel tells them. Attribute numbers are those of the
 * NFTA_CHAIN_*, NFTA_HOOK_*, NFTA_RULE_* and NFTA_EXPR_* enumerations (linux/netfilter/nf_tables.h).
 */
export interface Ruleset {
  readonly chains: readonly ChainFound[];
  /** In their order, by `chainKey`. */
  readonly rules: ReadonlyMap<string, readonly RuleFound[]>;
}

export interface ChainFound {
  /** NFPROTO_*. */
  readonly family: number;
  readonly table: string;
  readonly name: string;
  /** Undefined for one that is only jumped to. */
  readonly base: BaseFound | undefined;
}

interface BaseFound {
  readonly hook: number;
  readonly priority: number;
  /** "filter", "nat" or "route". */
  readonly type: string;
  readonly drops: boolean;
}

export interface RuleFound {
  /** As the kernel wants it back. */
  readonly handle: Uint8Array;
  readonly comment: string;
  readonly expressions: readonly ExpressionFound[];
}

export interface ExpressionFound {
  readonly name: string;
  /** By their numbers in the expression's own enumeration. */
  readonly attributes: ReadonlyMap<number, Uint8Array>;
}

type Located = Pick<ChainFound, 'family' | 'table' | 'name'>;

export function chainKey({ family: own, table, name }: Located): string {
  return `${own} ${table} ${name}`;
}

/** Two steps, whose results `readRuleset` understands. */
export function dumpRuleset(): readonly Operation[] {
  return [messageKind.getChain, messageKind.getRule].map((kind) =>
    netlinkOperation(protocol.netfilter, [
      {
        type: (subsystem.nftables << 8) | kind,
        flags: messageFlag.dump,
        header: Uint8Array.of(family.unspecified, 0, 0, 0),
        attributes: [],
      },
    ]),
  );
}

/** What steps `first` and the one behind it told; arp, bridges' and devices' own tables aside. */
export function readRuleset(results: PlanResults, first: number): Ruleset {
  const rules = new Map<string, RuleFound[]>();
  for (const { payload } of readMessages(results.get(first + 1) ?? new Uint8Array())) {
    const attributes = readAttributes(payload, HEADER_SIZE);
    const key = chainKey({
      family: payload[0] ?? 0,
      table: textOf(attributes.get(1)),
      name: textOf(attributes.get(2)),
    });
    const list = rules.get(key);
    if (list === undefined) rules.set(key, [ruleOf(attributes)]);
    else list.push(ruleOf(attributes));
  }
  const chains = [...readMessages(results.get(first) ?? new Uint8Array())].flatMap(({ payload }) => {
    const chain = chainOf(payload);
    return families.has(chain.family) ? [chain] : [];
  });
  return { chains, rules };
}

/** struct nfgenmsg. */
const HEADER_SIZE = 4;

const families: ReadonlySet<number> = new Set([family.inet, family.ipv4, family.ipv6]);

function chainOf(payload: Uint8Array): ChainFound {
  const attributes = readAttributes(payload, HEADER_SIZE);
  const hook = attributes.get(4);
  return {
    family: payload[0] ?? 0,
    table: textOf(attributes.get(1)),
    name: textOf(attributes.get(3)),
    base: hook === undefined ? undefined : baseOf(readAttributes(hook, 0), attributes),
  };
}

function baseOf(hook: ReadonlyMap<number, Uint8Array>, chain: ReadonlyMap<number, Uint8Array>): BaseFound {
  return {
    hook: bigEndian(hook.get(1)),
    priority: bigEndian(hook.get(2)) | 0,
    type: textOf(chain.get(7)),
    drops: bigEndian(chain.get(5) ?? Uint8Array.of(0, 0, 0, 1)) === 0,
  };
}

function ruleOf(attributes: ReadonlyMap<number, Uint8Array>): RuleFound {
  const expressions = readAttributeList(attributes.get(4) ?? new Uint8Array()).map(([, element]) => {
    const parts = readAttributes(element, 0);
    return { name: textOf(parts.get(1)), attributes: readAttributes(parts.get(2) ?? new Uint8Array(), 0) };
  });
  return {
    handle: attributes.get(3)?.slice() ?? new Uint8Array(),
    comment: commentOf(attributes.get(7)),
    expressions,
  };
}

/** See `commentData`. */
function commentOf(data: Uint8Array | undefined): string {
  for (let offset = 0; data !== undefined && offset + 2 <= data.length; ) {
    const [type = 0, length = 0] = data.subarray(offset, offset + 2);
    if (type === 0) return readText(data.subarray(offset + 2, offset + 2 + length));
    offset += 2 + length;
  }
  return '';
}

function textOf(value: Uint8Array | undefined): string {
  return value === undefined ? '' : readText(value);
}

/** A number in network order, of at most four bytes; 0 where there is none. */
export function bigEndian(value: Uint8Array | undefined): number {
  let sum = 0;
  for (const byte of value ?? []) sum = ((sum << 8) | byte) >>> 0;
  return sum;
}
