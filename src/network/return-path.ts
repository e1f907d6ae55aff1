import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import type { Gate } from './firewall-gate.ts';
import { protocol, route } from './netlink/constants.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { addPolicyRule, addTableRoute, deletePolicyRule, type PolicyRule } from './netlink/policy-rules.ts';
import { hooks } from './nftables/constants.ts';
import type { RuleFound, Ruleset } from './nftables/ruleset.ts';

/**
 * Hosts may drop what comes in by another interface than an answer would leave by: the kernel (rp_filter 1), or a firewall (`fib saddr . iif`,
 * as firewalld does for IPv6). What comes through the gate would always be such. There, two rules of policy routing say that the way back of a
 * packet with the gate's mark is the gate, while it itself goes its ordinary way; answers have no mark.
 */
const PRIORITY = 21324;

/** Routing tables have numbers of 32 bits, as marks have: who has a mark of his own has a table of his own. */
function tableOf({ mark }: Gate): number {
  return mark;
}

function rulesFor(gate: Gate): readonly PolicyRule[] {
  return ([4, 6] as const).flatMap((family) => [
    { family, priority: PRIORITY, mark: gate.mark, inputName: gate.inName, table: route.tableMain },
    { family, priority: PRIORITY + 1, mark: gate.mark, table: tableOf(gate) },
  ]);
}

/** Kernels without policy routing or IPv6 check nothing either. */
const without = [errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EACCES];

/** There already is fine. */
export function makeReturnPath(gate: Gate): readonly Operation[] {
  const routes = ([4, 6] as const).map((family) => addTableRoute(family, tableOf(gate), gate.inIndex));
  return each([...routes, ...rulesFor(gate).map(addPolicyRule)], [errno.EEXIST, ...without]);
}

/** The route goes with the gate. */
export function removeReturnPath(gate: Gate): readonly Operation[] {
  return each(rulesFor(gate).map(deletePolicyRule), [errno.ENOENT, ...without]);
}

function each(messages: readonly Message[], ignore: readonly number[]): readonly Operation[] {
  return messages.map((message) => netlinkOperation(protocol.route, [message], ignore));
}

/** NFTA_FIB_FLAGS and NFTA_FIB_F_IIF. */
const fibFlags = { attribute: 3, inputInterface: 1 << 3 } as const;

/** Whether a packet's way back is looked at: `strict` is what net.ipv4.conf.all.rp_filter says. */
export function checksReturnPath(strict: string, ruleset: Ruleset): boolean {
  if (strict.trim() === '1') return true;
  const arriving = new Set(
    ruleset.chains.filter(({ base }) => base?.hook === hooks.prerouting).map(({ table }) => table),
  );
  return [...ruleset.rules].some(
    ([key, rules]) => arriving.has(key.split(' ')[1] ?? '') && rules.some(looksBack),
  );
}

function looksBack({ expressions }: RuleFound): boolean {
  return expressions.some(
    ({ name, attributes }) =>
      name === 'fib' && ((attributes.get(fibFlags.attribute)?.at(-1) ?? 0) & fibFlags.inputInterface) !== 0,
  );
}
