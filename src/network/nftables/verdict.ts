import { readAttributes, readText } from '../netlink/reader.ts';
import { verdicts } from './constants.ts';
import { bigEndian, type ExpressionFound, type RuleFound } from './ruleset.ts';

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'queue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

/** What an expression decides about a packet that comes to it; undefined for one that compares, counts or remembers. */
export function verdictOf({ name, attributes }: ExpressionFound): Verdict | undefined {
  if (name === 'reject') return { kind: 'reject' };
  if (name === 'queue') return { kind: 'queue' };
  if (name === 'target') return targets.get(readText(attributes.get(1) ?? new Uint8Array()));
  if (name !== 'immediate' || bigEndian(attributes.get(1)) !== 0) return undefined;
  return verdictFrom(attributes.get(2));
}

/** NFTA_DATA_*: the verdict in it. */
export function verdictFrom(data: Uint8Array | undefined): Verdict | undefined {
  const verdict = readAttributes(data ?? new Uint8Array(), 0).get(2);
  if (verdict === undefined) return undefined;
  const fields = readAttributes(verdict, 0);
  const chain = readText(fields.get(2) ?? new Uint8Array());
  switch (bigEndian(fields.get(1)) | 0) {
    case verdicts.accept:
      return { kind: 'accept' };
    case verdicts.drop:
      return { kind: 'drop' };
    case verdicts.jump:
      return { kind: 'jump', chain };
    case verdicts.goto:
      return { kind: 'goto', chain };
    case verdicts.return:
      return { kind: 'return' };
    default:
      return undefined;
  }
}

/** Targets of iptables that end a packet's way; others note or change something. */
const targets: ReadonlyMap<string, Verdict> = new Map([
  ['REJECT', { kind: 'reject' }],
  ['DROP', { kind: 'drop' }],
  ['ACCEPT', { kind: 'accept' }],
  ['NFQUEUE', { kind: 'queue' }],
  ['TARPIT', { kind: 'drop' }],
]);

/** What matches everything. */
const transparent: ReadonlySet<string> = new Set(['counter', 'log']);

/** What a rule decides about every packet; undefined where it looks at packets first, or decides nothing. */
export function unconditionalVerdict({ expressions }: RuleFound): Verdict | undefined {
  for (const expression of expressions) {
    const verdict = verdictOf(expression);
    if (verdict !== undefined) return verdict;
    if (!transparent.has(expression.name)) return undefined;
  }
  return undefined;
}
