import type { IpFamily } from '../ip.ts';
import { family, messageFlag, messageType, route, routeAttribute } from './constants.ts';
import type { Attribute, Message } from './message.ts';

/** Rules of policy routing (ip-rule(8), linux/fib_rules.h). */
export interface PolicyRule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly mark: number;
  /** Of packets that came in here; of all when absent. */
  readonly inputName?: string;
  readonly table: number;
}

const attribute = { inputName: 3, priority: 6, mark: 10, table: 15 } as const;
/** FR_ACT_TO_TBL. */
const LOOK_UP = 1;

/** Adds a rule; EEXIST where it is there. */
export function addPolicyRule(rule: PolicyRule): Message {
  return message(messageType.newRule, messageFlag.create | messageFlag.exclusive, rule);
}

/** ENOENT where there is none. */
export function deletePolicyRule(rule: PolicyRule): Message {
  return message(messageType.deleteRule, 0, rule);
}

/** struct fib_rule_hdr, whose table has one byte: the attribute counts. */
function message(type: number, flags: number, rule: PolicyRule): Message {
  const header = new Uint8Array(12);
  header[0] = rule.family === 4 ? family.ipv4 : family.ipv6;
  header[4] = rule.table < 256 ? rule.table : 0;
  header[7] = LOOK_UP;
  const attributes: Attribute[] = [
    [attribute.priority, rule.priority],
    [attribute.mark, rule.mark],
    [attribute.table, rule.table],
  ];
  if (rule.inputName !== undefined) attributes.push([attribute.inputName, rule.inputName]);
  return { type, flags: flags | messageFlag.ack, header, attributes };
}

/** The default route of a table of its own, straight out of an interface. */
export function addTableRoute(ipFamily: IpFamily, table: number, index: number): Message {
  const header = new Uint8Array(12);
  header.set([
    ipFamily === 4 ? family.ipv4 : family.ipv6,
    ...[0, 0, 0, 0],
    route.protocolBoot,
    ipFamily === 4 ? route.scopeLink : route.scopeUniverse,
    route.typeUnicast,
  ]);
  return {
    type: messageType.newRoute,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header,
    attributes: [
      [routeAttribute.outputInterface, index],
      [routeAttribute.table, table],
    ],
  };
}
