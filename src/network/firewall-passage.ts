import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import { BRIDGE_GROUP } from './netlink/links.ts';
import type { Message } from './netlink/message.ts';
import { addRule, deleteRule, insertRule, transaction } from './nftables/batch.ts';
import { family, hooks } from './nftables/constants.ts';
import { accept, counter, type Expression, inGroup, outOf } from './nftables/expressions.ts';
import { type ChainFound, chainKey, type RuleFound, type Ruleset } from './nftables/ruleset.ts';
import { unconditionalVerdict, verdictOf } from './nftables/verdict.ts';

/**
 * The way through others' firewalls. A packet that any table drops is gone, whatever other tables say of it; hosts whose firewall forwards
 * nothing by default - ufw, firewalld, dockerd's policy, many written by hand - would cut containers off.
 *
 * So where a chain at the forward hook drops what none of its rules has decided, two rules behind all of them accept what comes from a bridge
 * of containers or goes to one: the rules that are there keep their say, the default is overruled, and what may reach a container is still for
 * Sampan's own table to decide. The same holds at the output hook for the gate.
 */
export interface Passage {
  /** Sampan's table; its name marks the rules. */
  readonly table: string;
  /** The gate's way out; undefined without one. */
  readonly gate: string | undefined;
}

/** A chain that would drop containers' packets, with the rules that keep it from that. */
interface Opening {
  readonly chain: ChainFound;
  readonly rules: readonly (readonly Expression[])[];
  /** Before which rule they belong; undefined for the end. */
  readonly before: RuleFound | undefined;
  /** Those of ours that are there. */
  readonly found: readonly RuleFound[];
}

/** One transaction for each chain in which something has to change, with the chain's name. Others may change it meanwhile: then it fails. */
export function openPassage(ruleset: Ruleset, passage: Passage): readonly Step[] {
  return ruleset.chains.flatMap((chain) => {
    const opening = openingOf(ruleset, chain, passage);
    if (opening === undefined || isOpen(ruleset, opening)) return [];
    return [stepFor(chain, [...removals(chain, opening.found), ...insertions(opening, passage)])];
  });
}

export interface Step {
  /** "ip filter FORWARD". */
  readonly chain: string;
  readonly operation: Operation;
}

/** Takes all rules of ours out of others' chains. */
export function closePassage(ruleset: Ruleset, passage: Passage): readonly Step[] {
  return ruleset.chains.flatMap((chain) => {
    const found = rulesOf(ruleset, chain).filter((rule) => isOurs(rule, passage));
    return chain.table === passage.table || found.length === 0
      ? []
      : [stepFor(chain, removals(chain, found))];
  });
}

function stepFor(chain: ChainFound, messages: readonly Message[]): Step {
  return { chain: describeChain(chain), operation: transaction(messages, [errno.ENOENT]) };
}

/** As `nft` says it. */
export function describeChain({
  family: own,
  table,
  name,
}: Pick<ChainFound, 'family' | 'table' | 'name'>): string {
  const word = own === family.inet ? 'inet' : own === family.ipv4 ? 'ip' : 'ip6';
  return `${word} ${table} ${name}`;
}

function openingOf(ruleset: Ruleset, chain: ChainFound, passage: Passage): Opening | undefined {
  const { base } = chain;
  if (base === undefined || base.type !== 'filter' || chain.table === passage.table) return undefined;
  const rules = rulesFor(chain, base.hook, passage);
  if (rules.length === 0) return undefined;
  const all = rulesOf(ruleset, chain);
  const others = all.filter((rule) => !isOurs(rule, passage));
  const before = isFirewalld(chain) ? others.find(leadsOn) : lastWord(others);
  if (!base.drops && before === undefined) return undefined;
  return { chain, rules, before, found: all.filter((rule) => isOurs(rule, passage)) };
}

function rulesFor(chain: ChainFound, hook: number, { gate }: Passage): readonly (readonly Expression[])[] {
  const legible = isIptables(chain) ? 'iptables' : 'nft';
  if (hook === hooks.forward) {
    return (['input', 'output'] as const).map((side) => [
      ...inGroup(side, BRIDGE_GROUP, { legible }),
      counter,
      accept,
    ]);
  }
  return hook === hooks.output && gate !== undefined ? [[...outOf(gate), counter, accept]] : [];
}

/** A rule at the end that drops or rejects all that comes to it: a default in other words. */
function lastWord(rules: readonly RuleFound[]): RuleFound | undefined {
  const last = rules.at(-1);
  const verdict = last === undefined ? undefined : unconditionalVerdict(last);
  return verdict?.kind === 'drop' || verdict?.kind === 'reject' ? last : undefined;
}

/** firewalld's chains lead on to those of zones, which do not come back: before that is the end of its rules for everybody. */
function isFirewalld({ table, base }: ChainFound): boolean {
  return table === 'firewalld' && base?.hook === hooks.forward;
}

function leadsOn({ expressions }: RuleFound): boolean {
  return expressions.some((expression) => {
    const kind = verdictOf(expression)?.kind;
    return kind === 'jump' || kind === 'goto';
  });
}

/** Tables of `iptables`, which reads its own expressions only. */
function isIptables({ family: own, name }: ChainFound): boolean {
  return own !== family.inet && (name === 'FORWARD' || name === 'OUTPUT');
}

function isOurs({ comment }: RuleFound, { table }: Passage): boolean {
  return comment === commentFor(table);
}

const commentFor = (table: string): string => `${table}: containers`;

function isOpen(ruleset: Ruleset, { chain, rules, before, found }: Opening): boolean {
  if (found.length !== rules.length) return false;
  const all = rulesOf(ruleset, chain);
  const end = before === undefined ? all.length : all.indexOf(before);
  return found.every((rule, index) => all.indexOf(rule) === end - rules.length + index);
}

function rulesOf(ruleset: Ruleset, chain: ChainFound): readonly RuleFound[] {
  return ruleset.rules.get(chainKey(chain)) ?? [];
}

function removals(chain: ChainFound, found: readonly RuleFound[]): readonly Message[] {
  return found.map(({ handle }) => deleteRule(chain.table, chain.name, handle, chain.family));
}

function insertions({ chain, rules, before }: Opening, { table }: Passage): readonly Message[] {
  const options = { family: chain.family, comment: commentFor(table) };
  return rules.map((rule) =>
    before === undefined
      ? addRule(chain.table, chain.name, rule, options)
      : insertRule(chain.table, chain.name, rule, before.handle, options),
  );
}
