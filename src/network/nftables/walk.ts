import { family } from './constants.ts';
import { evaluateRule, type SetSource, setsOf } from './evaluate.ts';
import type { Packet } from './packet.ts';
import { type ChainFound, chainKey, type Ruleset } from './ruleset.ts';
import { type SetFound, type SetName, setKey } from './sets.ts';
import type { Verdict } from './verdict.ts';

/** What becomes of a packet, or may become of it: it is let pass, it is dropped there, or it comes to the end of a chain. */
export interface Outcome {
  readonly passes: boolean;
  /** The first place where it may be dropped. */
  readonly droppedBy: Place | undefined;
  readonly comesOut: boolean;
}

interface Place {
  readonly chain: ChainFound;
  /** By what the chain does with all that no rule decides. */
  readonly byPolicy: boolean;
}

export interface World {
  readonly ruleset: Ruleset;
  readonly sets: ReadonlyMap<string, SetFound>;
  /** Whose chains are not looked at. */
  readonly except: string;
}

/** Deeper than the kernel lets chains be nested. */
const DEEPEST = 20;

/** What the filter chains at a hook do to a packet, one after the other. */
export function walkHook(world: World, hook: number, packet: Packet): Outcome {
  let outcome: Outcome = { passes: true, droppedBy: undefined, comesOut: false };
  for (const chain of chainsAt(world, hook, packet)) {
    const one = walkBase(world, chain, packet);
    outcome = { ...outcome, passes: one.passes, droppedBy: outcome.droppedBy ?? one.droppedBy };
    if (!one.passes) break;
  }
  return outcome;
}

function chainsAt({ ruleset, except }: World, hook: number, packet: Packet): readonly ChainFound[] {
  const own = packet.family === 4 ? family.ipv4 : family.ipv6;
  return ruleset.chains
    .filter(({ base, table, family: of }) => {
      return (
        base?.hook === hook && base.type !== 'nat' && table !== except && (of === family.inet || of === own)
      );
    })
    .toSorted((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0));
}

function walkBase(world: World, chain: ChainFound, packet: Packet): Outcome {
  const outcome = walkChain(world, chain, packet, 0);
  if (!outcome.comesOut) return outcome;
  if (chain.base?.drops !== true) return { ...outcome, passes: true, comesOut: false };
  const place = outcome.droppedBy ?? { chain, byPolicy: true };
  return { passes: outcome.passes, droppedBy: place, comesOut: false };
}

function walkChain(world: World, chain: ChainFound, packet: Packet, depth: number): Outcome {
  let passes = false;
  let droppedBy: Place | undefined;
  if (depth > DEEPEST) return { passes, droppedBy, comesOut: true };
  const sets: SetSource = (name) => world.sets.get(setKey({ ...chain, name }));
  for (const rule of world.ruleset.rules.get(chainKey(chain)) ?? []) {
    const { matches, verdict, others } = evaluateRule(rule, packet, sets);
    if (matches === 'no' || verdict === undefined) continue;
    const outcomes = [verdict, ...others].map((one) => follow(world, chain, packet, depth, one));
    passes ||= outcomes.some((outcome) => outcome.passes);
    droppedBy ??= outcomes.find((outcome) => outcome.droppedBy !== undefined)?.droppedBy;
    const goesOn = matches === 'perhaps' || outcomes.some((outcome) => outcome.comesOut);
    const leaves = outcomes.some((outcome) => outcome.returns);
    if (leaves && matches === 'yes') return { passes, droppedBy, comesOut: true };
    if (!goesOn) return { passes, droppedBy, comesOut: false };
  }
  return { passes, droppedBy, comesOut: true };
}

type Followed = Outcome & { readonly returns: boolean };

function follow(world: World, chain: ChainFound, packet: Packet, depth: number, verdict: Verdict): Followed {
  const none = { passes: false, droppedBy: undefined, comesOut: false, returns: false };
  switch (verdict.kind) {
    case 'accept':
      return { ...none, passes: true };
    case 'drop':
    case 'reject':
      return { ...none, droppedBy: { chain, byPolicy: false } };
    case 'return':
      return { ...none, comesOut: true, returns: true };
    // A program decides.
    case 'queue':
      return { ...none, passes: true, droppedBy: { chain, byPolicy: false }, comesOut: true };
    default: {
      const target = world.ruleset.chains.find(
        ({ family: own, table, name }) =>
          own === chain.family && table === chain.table && name === verdict.chain,
      );
      if (target === undefined) return { ...none, comesOut: true };
      const outcome = walkChain(world, target, packet, depth + 1);
      return { ...outcome, returns: verdict.kind === 'goto' && outcome.comesOut };
    }
  }
}

/** The sets whose content decides about packets at these hooks. */
export function setsNeeded({ ruleset, except }: Omit<World, 'sets'>): readonly SetName[] {
  const found = new Map<string, SetName>();
  for (const chain of ruleset.chains) {
    if (chain.table === except) continue;
    for (const rule of ruleset.rules.get(chainKey(chain)) ?? []) {
      for (const name of setsOf(rule)) {
        const set = { family: chain.family, table: chain.table, name };
        found.set(setKey(set), set);
      }
    }
  }
  return [...found.values()];
}
